"""What in a text speaks for a class: its tokens' vectors, and the n-grams of the linear skip."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from recurra.data.tokens.vocabulary import Vocabulary
from recurra.errors import UnknownNameError, UsageError
from recurra.layers.sparse_linear import ngrams
from recurra.tasks.classify.linear import letters_of
from recurra.tasks.classify.trainee import Classifier
from recurra.tasks.decoding.spelling import pieces, shown
from recurra.tasks.differentiable import Beside, Differentiable, centred
from recurra.tasks.forward_pass import only
from recurra.topologies.ensembles import Ensemble
from recurra.topologies.many_to_one import SequenceClassifier, faded

BASELINES = {
    "zero": "tokens whose vectors are 0",
    "mean": "tokens whose vectors are the mean of the table",
    "unknown": "tokens that are all unknown",
}
MOST_TERMS = 20


def attribution(
    model: Classifier, given: Any, *, target: str | None = None, against: str = "zero", **options: Any
) -> Differentiable:
    """target: a class, the most probable one if None; against: one of BASELINES

    Errors: UsageError; UnknownNameError
    """
    network = model.network
    if isinstance(network, Ensemble):
        raise model.cannot("attribute its answer to its input, being several networks")
    assert isinstance(network, SequenceClassifier)
    if network.reader is not None:
        raise model.cannot("attribute its answer to its tokens, for it reads their characters beside them")
    text = only(model, given, options).strip()
    ids = model.vocabulary.encode(text)[: model.max_length]
    if not len(ids):
        raise UsageError(f"the text is empty{' after normalisation: ' + repr(text) if text else ''}")
    if target is not None and target not in model.classes:
        raise UnknownNameError("class", target, model.classes)
    if against not in BASELINES:
        raise UnknownNameError("baseline", against, BASELINES)
    tokens = [shown(piece) or piece for piece in pieces(model.vocabulary, text)[: len(ids)]]
    label = target if target is not None else model.predict([text])[0].label
    chosen = model.classes.index(label)
    table = network.table.weight.detach() * network.table.gain
    point = table[torch.from_numpy(ids).to(table.device)]
    base = {
        "zero": torch.zeros_like(point),
        "mean": table.mean(0).expand_as(point),
        "unknown": table[Vocabulary.UNKNOWN].expand_as(point),
    }[against]

    def scores(points: Tensor) -> Tensor:
        return centred(network.of_vectors(points), chosen)[:, None, None]

    words = model.vocabulary.cut(text)[: len(ids)] if model.spells else []
    return Differentiable(
        tokens,
        point,
        base,
        BASELINES[against],
        "logit of the class above the mean of all classes' logits",
        [label],
        scores,
        ["recurrent network"],
        beside=_skip(network, torch.from_numpy(ids).to(table.device), tokens, words, chosen),
    )


@torch.no_grad()
def _skip(
    network: SequenceClassifier, ids: Tensor, tokens: Sequence[str], words: Sequence[str], chosen: int
) -> Beside | None:
    skip = network.skip
    if skip is None or not skip.share:
        return None
    time = len(ids)
    lengths = torch.tensor([time])
    fade = float(faded(lengths.to(ids.device), network.skip_after))
    values, rest = np.zeros((1, time)), 0.0
    terms: dict[str, float] = {}
    spelt, owners = _owners(words)
    sources = [(ids[None], network.orders, list(range(time)), list(tokens), "")]
    if network.spelling:
        letters = torch.from_numpy(letters_of(words))[None].to(ids.device)
        sources.append((letters, network.spelling, owners, spelt, "letters "))
    found, positions = [], []
    for given, orders, _, _, _ in sources:
        count = given.shape[1]
        for order in sorted(orders):
            if order > count + 2:
                continue
            one = ngrams(given, torch.tensor([count]), (order,))
            starts = range(1, count + 1) if order == 1 else range(len(one.keys))
            found.append(one)
            positions.append([range(max(0, start - 1), min(count, start - 1 + order)) for start in starts])
    whole = type(found[0])(torch.cat([one.keys for one in found]), torch.cat([one.rows for one in found]), 1)
    added = fade * centred(skip.each(whole), chosen).double().cpu().numpy()
    at = 0
    kinds = [source for source in sources for order in source[1] if order <= source[0].shape[1] + 2]
    for kind, own in zip(kinds, positions, strict=True):
        for span in own:
            amount = float(added[at])
            at += 1
            if not amount:
                continue
            holders = [kind[2][k] for k in span if kind[2][k] >= 0]
            for holder in holders:
                values[0, holder] += amount / len(holders)
            rest += 0.0 if holders else amount
            term = (
                kind[4] + "".join(kind[3][k] for k in span).replace(" ", "␣")
                if kind[4]
                else _joined(kind[3], span, words)
            )
            terms[term] = terms.get(term, 0.0) + amount
    constant = fade * float(skip.share) * float(centred(skip.bias, chosen))
    order_ = sorted(terms.items(), key=lambda pair: -abs(pair[1]))[:MOST_TERMS]
    return Beside("linear skip", values, np.array([rest]), np.array([constant]), order_)


def _joined(tokens: Sequence[str], span: range, words: Sequence[str]) -> str:
    """An n-gram as it is read: words with spaces between."""
    return (" " if words else "").join(tokens[k] for k in span)


def _owners(words: Sequence[str]) -> tuple[list[str], list[int]]:
    """The characters of a text as `letters_of` has them, and the word of each, -1 for a space between."""
    letters, owners = [" "], [-1]
    for number, word in enumerate(words):
        if number:
            letters.append(" ")
            owners.append(-1)
        letters += list(word)
        owners += [number] * len(word)
    return [*letters, " "], [*owners, -1]
