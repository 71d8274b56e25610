"""What is done to a tagger after its training: a linear skip is added, or not, as the validation part likes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
import torch
from torch import Tensor

from recurra.data.batching.buckets import by_length
from recurra.report.sections import Cell, Column, Table
from recurra.tasks.calibration import uncalibrated
from recurra.tasks.cutting import some
from recurra.tasks.tag.data import TagData, TagPart
from recurra.tasks.tag.linear import fit_tags
from recurra.tasks.tag.trainee import EVALUATION_TOKENS, collate, evaluate_part, on_device
from recurra.topologies.settings import Skip
from recurra.topologies.tagger import TagScorer

SHARE = "skip_share"
"""Of the linear skip, among the numbers that config.json keeps."""
OWN, SHARES = (1.0, 0.75, 0.5), (0.25, 0.5, 0.75, 1.0)
"""What the two models' scores of a tag are multiplied with, tried on the validation part."""
CUT = "the linear model was fitted for {passes:.2g} passes over its sentences, for the minutes allow no more"
MOST_TOKENS = 30_000
"""Of the validation part that they are tried on."""


def conclude(
    data: TagData, network: TagScorer, skip: Skip, seconds: float | None = None, rows: int | None = None
) -> tuple[dict[str, float], list[str]]:
    """See tasks.abilities.Concluding. Shares are those of the lowest loss; with `auto` none if the headline falls.

    seconds: for fitting the linear model; rows: of the validation part that are looked at, at most
    """
    if network.skip is None:
        return {}, []
    network.skip.share.zero_()
    features = None if data.kept is None else (network.skip.keys.cpu().clone(), network.skip.scale.cpu().clone())
    linear = fit_tags(data, features, seconds)
    cut = [] if linear.cut is None else [CUT.format(passes=linear.cut)]
    network.skip.take(linear.keys, linear.scale, linear.weight, linear.bias)
    part = _some(data.parts["validation"])
    part = part if rows is None else some(part, rows)
    headline = "span_f1" if data.scheme else "accuracy"
    before = evaluate_part(network, part, data.tags, data.scheme)
    before_it = [tensor.detach().clone() for tensor in network.scaled]
    loss, own, share = _best(network, part)
    _set(network, before_it, own, share)
    score = evaluate_part(network, part, data.tags, data.scheme)[headline]
    name = "span F1" if data.scheme else "accuracy"
    scored = (
        f"validation {name} {before[headline]:.4f} without, {score:.4f} with it; loss {before['loss']:.4f}, {loss:.4f}"
    )
    if skip == "auto" and (loss >= before["loss"] or score < before[headline]):
        _set(network, before_it, 1.0, 0.0)
        return {}, [f"no linear skip, which the validation part does not ask for: {scored}", *cut]
    _set(network, before_it, own, share)
    return {"temperature": 1 / own, SHARE: share}, [
        f"a linear skip of tokens, their affixes and neighbours is added: {scored} (scores times {own:g} and "
        f"{share:g})",
        *cut,
    ]


def before_conclusion(weights: dict[str, Tensor], concluded: Mapping[str, float]) -> dict[str, Tensor]:
    """Stored weights as they were: the output layer as it was trained, the skip without a share."""
    found = uncalibrated(weights, concluded)
    return {name: torch.zeros_like(value) if name == "skip.share" else value for name, value in found.items()}


def beside_each_other(network: TagScorer, data: TagData, part: TagPart, name: str) -> Table | None:
    """The network with its skip and without, on a part; None where nothing was added."""
    if network.skip is None or not network.skip.share:
        return None
    share = float(network.skip.share)
    headline = "span_f1" if data.scheme else "accuracy"
    rows: list[list[Cell]] = []
    for title, size in (("network alone", 0.0), ("with its linear skip", share)):
        network.skip.share.fill_(size)
        scores = evaluate_part(network, part, data.tags, data.scheme)
        rows.append([title, f"{scores[headline]:.4f}", f"{scores['loss']:.4f}"])
    columns = [Column("Span F1" if data.scheme else "Accuracy", "number"), Column("Loss, nats", "number")]
    return Table(
        "Linear skip",
        ["", *columns],
        rows,
        "A logistic regression over the token, its affixes and its neighbours is added to the network's scores of each "
        f"tag, in shares chosen on the validation part; these are scores of the {name} part.",
    )


@torch.no_grad()
def _best(network: TagScorer, part: TagPart) -> tuple[float, float, float]:
    """The lowest loss, and what the network's and the linear model's scores are multiplied with to reach it."""
    assert network.skip is not None
    sums = dict.fromkeys(product(OWN, SHARES), 0.0)
    tokens = 0
    for rows in by_length(part.encoded.lengths, EVALUATION_TOKENS):
        batch = on_device(collate(part, rows), next(network.parameters()).device)
        network.skip.share.fill_(0.0)
        logits = network(batch.forms, batch.lengths)[0].float()
        network.skip.share.fill_(1.0)
        beside = network.beside(batch.forms, batch.lengths).view_as(logits)
        for own, share in sums:
            mean, count, _ = network.loss_of(own * logits + share * beside, batch.tags, batch.lengths)
            sums[own, share] += count * float(mean)
        tokens += count
    return min((total / max(tokens, 1), own, share) for (own, share), total in sums.items())


@torch.no_grad()
def _set(network: TagScorer, before: Sequence[Tensor], own: float, share: float) -> None:
    """before: what `network.scaled` were"""
    assert network.skip is not None
    for tensor, was in zip(network.scaled, before, strict=True):
        tensor.copy_(was * own)
    network.skip.share.fill_(share)


def _some(part: TagPart) -> TagPart:
    """Its sentences, of a large part the first ones."""
    count = int(np.searchsorted(part.encoded.starts[1:], MOST_TOKENS)) + 1
    return part if count >= len(part) else part.at(np.arange(count))
