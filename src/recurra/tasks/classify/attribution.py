"""What in a text speaks for a class: its tokens' vectors, and the n-grams of the linear skip."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from recurra.data.tokens.vocabulary import Vocabulary
from recurra.errors import UnknownNameError, UsageError
from recurra.layers.sparse_linear import ngrams, together
from recurra.tasks.classify.linear import letters_of
from recurra.tasks.classify.trainee import Classifier
from recurra.tasks.decoding.spelling import pieces, shown
from recurra.tasks.differentiable import Beside, Differentiable, centred
from recurra.tasks.forward_pass import only
from recurra.topologies.ensembles import ClassifierEnsemble, first_of
from recurra.topologies.many_to_one import SequenceClassifier, TextClassifier, faded, own_share

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
    assert isinstance(network, SequenceClassifier | ClassifierEnsemble)
    first = first_of(network)
    assert isinstance(first, SequenceClassifier)
    if first.reader is not None:
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
    table = network.token_vectors()
    rows = torch.from_numpy(ids).to(table.device)
    point = table[rows]
    base = {
        "zero": torch.zeros_like(point),
        "mean": table.mean(0).expand_as(point),
        "unknown": table[Vocabulary.UNKNOWN].expand_as(point),
    }[against]

    own = _own_share(network, rows)

    def scores(points: Tensor) -> Tensor:
        return own * centred(network.of_vectors(points), chosen)[:, None, None]

    words = model.vocabulary.cut(text)[: len(ids)] if model.spells else []
    return Differentiable(
        tokens,
        point,
        base,
        BASELINES[against],
        "logit of the class above the mean of all classes' logits",
        [label],
        scores,
        ["recurrent network" if network is first else "recurrent networks"],
        beside=_skip(network, rows, tokens, words, chosen),
    )


class _Read(NamedTuple):
    """What the skip reads n-grams of: ids [N], their lengths, of each id its token, -1 if it is of none, and its name.

    letters: whether these are characters
    """

    ids: Tensor
    orders: Sequence[int]
    owners: Sequence[int]
    names: Sequence[str]
    letters: bool = False

    def spans(self, order: int) -> list[range]:
        """Which ids each n-gram is of, in the order of `ngrams`, without the edges."""
        count = len(self.ids)
        starts = range(1, count + 1) if order == 1 else range(count + 3 - order)
        return [range(max(0, start - 1), min(count, start - 1 + order)) for start in starts]


def _own_share(network: TextClassifier, ids: Tensor) -> float:
    """What the network's logits of a text are multiplied with beside its skip."""
    if network.skip is None or not network.skip.share:
        return 1.0
    return float(own_share(faded(torch.tensor([len(ids)], device=ids.device), network.skip_after), network.skip_alone))


@torch.no_grad()
def _skip(
    network: TextClassifier, ids: Tensor, tokens: Sequence[str], words: Sequence[str], chosen: int
) -> Beside | None:
    skip, time = network.skip, len(ids)
    if skip is None or not skip.share:
        return None
    fade = float(faded(torch.tensor([time], device=ids.device), network.skip_after))
    sources = [_Read(ids, network.orders, range(time), tokens)]
    if network.spelling:
        spelt, owners = _owners(words)
        letters = torch.from_numpy(letters_of(words)).to(ids.device)
        sources.append(_Read(letters, network.spelling, owners, spelt, letters=True))
    found, spans = [], []
    for read in sources:
        for order in sorted(read.orders):
            if order <= len(read.ids) + 2:  # the text has an edge on either side
                found.append(ngrams(read.ids[None], None, (order,)))
                spans += [(read, span) for span in read.spans(order)]
    added = fade * centred(skip.each(reduce(together, found)), chosen).double()
    values, rest = np.zeros((1, time)), 0.0
    terms: dict[str, float] = {}
    for (read, span), amount in zip(spans, added.tolist(), strict=True):
        if not amount:
            continue
        holders = [read.owners[k] for k in span if read.owners[k] >= 0]
        for holder in holders:
            values[0, holder] += amount / len(holders)
        rest += 0.0 if holders else amount
        names = [read.names[k] for k in span]
        term = f"letters {''.join(names).replace(' ', '␣')}" if read.letters else (" " if words else "").join(names)
        terms[term] = terms.get(term, 0.0) + amount
    constant = fade * float(skip.share) * float(centred(skip.bias, chosen))
    strongest = sorted(terms.items(), key=lambda pair: -abs(pair[1]))[:MOST_TERMS]
    return Beside("linear skip", values, np.array([rest]), np.array([constant]), strongest)


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
