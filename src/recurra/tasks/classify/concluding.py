"""What is done to a classifier after its training: a linear skip is added, or not, and its probabilities calibrated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from recurra import metrics
from recurra.baselines.sparse_logistic import SparseLogistic
from recurra.data.ragged import lengths_of
from recurra.data.tokens.orders import ORDERS, SPELLING
from recurra.layers.sparse_linear import Found, SparseLinear
from recurra.report.sections import Cell, Column, Table
from recurra.tasks.calibration import calibrate, enough, uncalibrated
from recurra.tasks.classify.data import ClassifyData, Part
from recurra.tasks.classify.few import FEW, Crossed, usual_shares
from recurra.tasks.classify.frequencies import is_skewed, spare_share
from recurra.tasks.classify.linear import features_of
from recurra.tasks.classify.trainee import log_frequencies, log_probabilities
from recurra.tasks.cutting import some
from recurra.tasks.mixing import Floats, Mix, best_mix, fitted_mix, lost
from recurra.topologies import many_to_one
from recurra.topologies.many_to_one import TextClassifier
from recurra.topologies.settings import Skip

SHARE = "skip_share"
"""Of the linear skip, among the numbers that config.json keeps."""
AFTER = (12, 8, 4)
"""Tokens of a short clause, after which a linear skip begins to count; the first that serves is taken."""
CUT = "the linear model was fitted for {passes:.2g} passes over its texts, for the minutes allow no more"
LEAST = 1e-6
"""What the network's logits are multiplied with at least, so that they can be had back."""
SILENT = "the network has no share: what it adds to the linear model does not show on so few validation texts"
CROSSED = (
    "the linear skip was chosen by cross-validation and has learned from the validation part too, once its share was "
    "settled; scores of that part would flatter it"
)
SPARED = (
    "network and linear model both count how frequent each class is: {share:.2g} of its log frequency is taken off "
    "again, which validation does not speak against"
)
WORTH_SAYING = 0.005
"""Share of the log frequencies from which it is taken off, and said."""
KEPT = 0.6
"""Of what a skip gains on the validation part, that it must still gain."""


def conclude(
    data: ClassifyData,
    network: TextClassifier,
    part: Part,
    skip: Skip,
    balance: float,
    *,
    crops: bool = False,
    seconds: float | None = None,
) -> tuple[dict[str, float], list[str]]:
    """Both are set as the validation part likes it best; see tasks.abilities.Concluding.

    part: as much of the validation part as is looked at, of many classes fewer texts, see tasks.calibration.enough;
    seconds: for fitting the linear model
    crops: the network has learned from single clauses too, and short texts are left to it, see `_for_long_texts`
    """
    part = some(part, enough(len(part), len(data.classes)))
    if network.skip is None:
        return calibrate(network.scaled, _logs(network, part), part.labels)
    network.skip.share.zero_()
    network.skip_after.zero_()
    network.skip_alone.fill_(1.0)
    own, read = _logs(network, part), _read(data, part)
    tried, frequencies = [], log_frequencies(data)
    guessed = -float(frequencies.exp() @ frequencies)
    for each in _fitted(data, network, balance, seconds):
        beside = _outputs(each.beside, read)
        trusted = each.loss is not None and each.loss < guessed
        mix = fitted_mix(own, beside, part.labels, always=skip == "linear", trusted=trusted, usual=usual_shares(each))
        tried.append(_Tried(each, beside, mix))
    fitted, beside, mix = best = min(tried, key=lambda each: each.loss(own, part))
    linear = fitted.model
    cut = [] if linear.cut is None else [CUT.format(passes=linear.cut)]
    if fitted.beside is not linear:
        cut.append(CROSSED)
    if best is not tried[0]:
        losses = [each.loss(own, part) for each in (best, tried[0]) if each.mix is not None]
        cut.append(
            "the skip's n-grams count by how rare they are, which validation likes better than their log odds: loss "
            + ", ".join(f"{loss:.4f}" for loss in losses)
        )
    scores = [_score(logs, part) for logs in (own, beside)]
    scored = f"validation accuracy {scores[0][0]:.3f} of the network, {scores[1][0]:.3f} of the linear model"
    if mix is None:
        network.skip.take(linear.keys, linear.scale, linear.weight, linear.bias)
        found, notes = calibrate(network.scaled, own, part.labels)
        return found, [f"no linear skip, which the validation part does not ask for: {scored}", *cut, *notes]
    after = 0
    if crops:
        after, mix = _for_long_texts(own, beside, part, mix, usual_shares(fitted))
    both = mix.of(own, beside, _faded(part, after))
    if mix.share > 0 and mix.own > LEAST and not balance and len(part) >= FEW and is_skewed(frequencies):
        spare = spare_share(both, part.labels, frequencies.double().numpy())
        if spare >= WORTH_SAYING:
            off = -spare / mix.share * frequencies
            linear = fitted.shifted(off).model
            both = mix.of(own, beside + off.double().numpy(), _faded(part, after))
            cut.append(SPARED.format(share=spare))
    network.skip.take(linear.keys, linear.scale, linear.weight, linear.bias)
    with torch.no_grad():
        for tensor in network.scaled:
            tensor.mul_(max(mix.own, LEAST))
        network.skip.share.fill_(mix.share)
        network.skip_after.fill_(after)
        network.skip_alone.fill_(mix.alone / max(mix.own, LEAST) if after else 1.0)
    accuracy, loss = _score(both, part)
    return {"temperature": 1 / max(mix.own, LEAST), SHARE: mix.share}, [
        f"a linear skip of n-grams of {_longest(data)} is added: {scored}, {accuracy:.3f} of both; loss "
        f"{scores[0][1]:.4f}, {scores[1][1]:.4f}, {loss:.4f} (logits times {mix.own:.3g} and {mix.share:.3g})",
        *cut,
        *([] if mix.own > LEAST else [SILENT]),
    ] + (
        []
        if not after
        else [
            f"texts of up to {after} tokens are left to the network, which has learned from single clauses; from "
            f"{2 * after} on the linear skip has its whole share"
        ]
    )


class _Tried(NamedTuple):
    """A linear model, its logits for the validation part, and its share, if it is to have one."""

    linear: Crossed
    beside: Floats
    mix: Mix | None

    def loss(self, own: Floats, part: Part) -> float:
        """Of texts left out in turn if it is known, else of both, infinite without a share. Units: nats per text"""
        if self.linear.loss is not None:
            return self.linear.loss
        return float("inf") if self.mix is None else lost(self.mix.of(own, self.beside), part.labels) / len(part)


def _for_long_texts(own: Floats, beside: Floats, part: Part, whole: Mix, usual: tuple[float, float]) -> tuple[int, Mix]:
    """After how many tokens a linear model has a say, and its shares then: the latest that keeps KEPT of its gain.

    Validation texts are whole ones, which say an opinion more than once; n-grams learned from them are as sure of
    a clause, where a word more or less in another place turns it round.
    """
    alone = lost(best_mix(own, np.zeros_like(beside), part.labels).of(own, beside), part.labels)
    gain = alone - lost(whole.of(own, beside), part.labels)
    for after in AFTER if gain > 0 else ():
        faded = _faded(part, after)
        mix = best_mix(own, beside, part.labels, usual, faded)
        if mix.share > 0 and alone - lost(mix.of(own, beside, faded), part.labels) >= KEPT * gain:
            return after, mix
    return 0, whole


def _faded(part: Part, after: float) -> Floats:
    """Shapes: -> [N, 1]"""
    return many_to_one.faded(torch.from_numpy(lengths_of(part.encoded)), after).unsqueeze(1).double().numpy()


def before_conclusion(weights: dict[str, Tensor], concluded: Mapping[str, float]) -> dict[str, Tensor]:
    """Stored weights as they were: the output layer as it was trained, the skip without a share."""
    found = uncalibrated(weights, concluded)
    before = {"skip.share": 0.0, "skip_after": 0.0, "skip_alone": 1.0}
    return found | {name: torch.full_like(found[name], value) for name, value in before.items() if name in found}


def beside_each_other(network: TextClassifier, data: ClassifyData, part: Part, name: str) -> Table | None:
    """The network and its skip, each alone and both together, on a part; None where nothing was added."""
    if network.skip is None or not network.skip.share:
        return None
    share, whole = float(network.skip.share), len(part)
    part = some(part, enough(whole, len(data.classes)))
    both = _logs(network, part)
    network.skip.share.zero_()
    own = _logs(network, part)
    beside = share * _faded(part, float(network.skip_after)) * _outputs(_added(network.skip), _read(data, part))
    network.skip.share.fill_(share)
    rows: list[list[Cell]] = []
    for title, logs in (("network alone", own), ("linear skip alone", beside), ("both", both)):
        accuracy, loss = _score(logs, part)
        rows.append([title, f"{accuracy:.4f}", f"{loss:.4f}"])
    return Table(
        "Linear skip",
        ["", Column("Accuracy", "number"), Column("Loss, nats", "number")],
        rows,
        f"The logits of a logistic regression over n-grams of {_longest(data)}, which count by their log odds or by "
        f"how rare they are, are added to the network's. Their shares were fitted on the validation part; these are "
        f"scores of {'' if len(part) == whole else f'{len(part):,} of the {whole:,} texts of '}the {name} part.",
    )


def _fitted(data: ClassifyData, network: TextClassifier, balance: float, seconds: float | None) -> list[Crossed]:
    """The linear models that may be added: by log odds and, if there is time, by rarity; of a run that began with
    another one, one with its features."""
    if data.few:
        found = [data.skip_of_few(seconds)]
        if seconds is None:
            found.append(data.skip_of_few(by_odds=False))
    elif data.kept is not None:
        assert network.skip is not None
        features = network.skip.keys.cpu().clone(), network.skip.scale.cpu().clone()
        found = [Crossed.once(data.skip_linear(features, seconds))]
    else:
        found = [Crossed.once(data.skip_linear(seconds=seconds))]
        fitted_already = "linear" in data.__dict__ and not data.spelling
        if seconds is None or fitted_already:
            found.append(Crossed.once(data.skip_by_rarity()))
    return [each.shifted(-balance * log_frequencies(data)) for each in found] if balance else found


def _logs(network: TextClassifier, part: Part) -> Floats:
    return np.asarray(log_probabilities(network, part.encoded, part.letters).double().numpy())


def _read(data: ClassifyData, part: Part) -> Found:
    """The n-grams that the skip reads of a part."""
    return features_of(part.read(spelling=data.spelling), data.vocabulary.level)


def _outputs(linear: SparseLogistic, read: Found) -> Floats:
    """Logits, without a share."""
    return np.asarray(linear.outputs(read).double().numpy())


def _added(skip: SparseLinear) -> SparseLogistic:
    """The linear model that a network has."""
    keys, scale, weight, bias = (each.detach().cpu() for each in (skip.keys, skip.scale, skip.weight, skip.bias))
    return SparseLogistic(keys, scale, weight, bias)


def _score(logits: Floats, part: Part) -> tuple[float, float]:
    """Accuracy, and loss in nats."""
    shifted = logits - logits.max(1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    return metrics.accuracy(part.labels, logits.argmax(1)), lost(logs, part.labels) / len(part)


def _longest(data: ClassifyData) -> str:
    found = f"1 to {max(ORDERS[data.vocabulary.level])} tokens"
    return f"{found} and {min(SPELLING)} to {max(SPELLING)} characters" if data.spelling else found
