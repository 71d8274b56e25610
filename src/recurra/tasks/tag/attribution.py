"""What in a sentence speaks for each tag: its tokens' vectors, and what the linear skip sees around them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from recurra.data.tagged import spans
from recurra.data.tagged.sentences import Sentence
from recurra.errors import UnknownNameError, UsageError
from recurra.tasks.differentiable import Beside, Differentiable, centred, positions_of
from recurra.tasks.forward_pass import only
from recurra.tasks.tag.data import encode_part
from recurra.tasks.tag.model import TagModel
from recurra.tasks.tag.trainee import collate, on_device, probabilities
from recurra.topologies.ensembles import TaggerEnsemble
from recurra.topologies.neighbourhood import neighbourhood, read_by
from recurra.topologies.tagger import Forms, Tagger, TagScorer

BASELINE = "tokens whose vectors are 0"


def attribution(
    model: TagModel, given: Any, *, target: str | None = None, at: int | None = None, **options: Any
) -> Differentiable:
    """target: a tag, each token's own if None; at: the place of a token from 0, all if None

    Errors: UsageError; UnknownNameError
    """
    network = model.network
    assert isinstance(network, Tagger | TaggerEnsemble)
    tokens = model.tokens(only(model, given, options))
    if not tokens:
        raise UsageError("the text is empty")
    if target is not None and target not in model.tags:
        raise UnknownNameError("tag", target, model.tags)
    positions = positions_of(at, len(tokens), "token")
    sentence = Sentence(tuple(tokens), (spans.OUTSIDE,) * len(tokens), Path(), (1,) * len(tokens))
    part = encode_part([sentence], model.lexicon, [])
    forms = on_device(collate(part, [0]), next(network.parameters()).device).forms
    best = probabilities(network, part)[0][0]
    tags = [int(best[k]) if target is None else model.tags.index(target) for k in positions]
    chosen = list(zip(positions, tags, strict=True))
    with torch.no_grad():
        point = network.table(forms)[forms.tokens[0]]

    def scores(points: Tensor) -> Tensor:
        logits = network.of_vectors(points)
        return torch.stack([centred(logits[:, k], tag) for k, tag in chosen], 1).unsqueeze(-1)

    return Differentiable(
        tokens,
        point,
        torch.zeros_like(point),
        BASELINE,
        "score of the tag above the mean of all tags' scores",
        [f"{tokens[k]}: {model.tags[tag]}" for k, tag in chosen],
        scores,
        ["recurrent network" if isinstance(network, Tagger) else "recurrent networks"],
        beside=_skip(network, forms, positions, tags),
        at=positions,
    )


@torch.no_grad()
def _skip(network: TagScorer, forms: Forms, positions: list[int], tags: list[int]) -> Beside | None:
    skip, time = network.skip, forms.tokens.shape[1]
    if skip is None or not skip.share:
        return None
    given = (forms.tokens, forms.words, None, forms.letters, forms.letter_lengths)
    found, read = neighbourhood(*given), read_by(*given)
    each = skip.each(found)
    added = (each - each.mean(-1, keepdim=True)).double().cpu().numpy()
    bias = (skip.share * (skip.bias - skip.bias.mean())).double().cpu().numpy()
    values, rest = np.zeros((len(positions), time)), np.zeros(len(positions))
    rows = found.rows.tolist()
    for number, (place, tag) in enumerate(zip(positions, tags, strict=True)):
        for index, row in enumerate(rows):
            if row != place or not added[index, tag]:
                continue
            holders = [place + away for away in read[index] if 0 <= place + away < time]
            for holder in holders:
                values[number, holder] += added[index, tag] / len(holders)
            rest[number] += 0.0 if holders else added[index, tag]
    return Beside("linear skip", values, rest, np.array([bias[tag] for tag in tags]))
