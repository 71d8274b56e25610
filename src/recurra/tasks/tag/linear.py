"""The linear tagger of a token and what stands around it: a baseline, and what may be added to a network."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from recurra.baselines.sparse_logistic import SparseLogistic, choose_features, fit
from recurra.data.batching.buckets import by_length
from recurra.layers.sparse_linear import Found
from recurra.tasks.read_once import kept_features
from recurra.tasks.tag.data import TagData, TagPart
from recurra.tasks.tag.trainee import allowed, collate
from recurra.topologies.neighbourhood import neighbourhood
from recurra.topologies.paths import Transitions

MOST_TOKENS = 1 << 19
"""Of the training part that it is fitted on; of more, every so many sentences."""
PROBE, READING = 1 << 12, 0.2
"""Tokens on which it is measured how long reading takes, and the share of the time for it."""
BATCH = 256
TOKENS = 1 << 13
"""Padded tokens that are gone through at once."""


def features_of(part: TagPart, rows: Sequence[int]) -> tuple[Found, Tensor]:
    """Of all tokens of some sentences, in their order, and the tag of each, UNKNOWN_TAG where none counts."""
    sizes = part.encoded.lengths[np.asarray(rows, np.int64)]
    starts = np.concatenate([[0], np.cumsum(sizes)])
    keys, owners = [], []
    for indices in by_length(sizes, TOKENS):
        forms, lengths, _ = collate(part, [rows[place] for place in indices])
        found = neighbourhood(forms.tokens, forms.words, lengths, forms.letters, forms.letter_lengths)
        steps = forms.tokens.shape[1]
        keys.append(found.keys)
        owners.append(torch.from_numpy(starts[indices])[found.rows // steps] + found.rows % steps)
    labels = torch.from_numpy(part.labels.at(np.asarray(rows, np.int64)).values.astype(np.int64))
    return Found(torch.cat(keys), torch.cat(owners), int(starts[-1])), labels


def fit_tags(
    data: TagData, features: tuple[Tensor, Tensor] | None = None, seconds: float | None = None
) -> SparseLogistic:
    """On the training part, stopped by the validation part; once for the same data.

    features: keys and scales of another run; None for those of these data; seconds: for all of it
    """
    if features is None and data.fitted:
        return data.fitted[0]
    begun, most = time.monotonic(), MOST_TOKENS
    if seconds is not None:
        features_of(data.parts["train"], _thinned(data.parts["train"], PROBE))
        most = int(PROBE * READING * seconds / max(time.monotonic() - begun, 1e-6))
    train = _known(*features_of(data.parts["train"], _thinned(data.parts["train"], most)))
    validation = data.parts["validation"]
    held_out = _known(*features_of(validation, _thinned(validation, max(1, most // 4))))
    known = features or data.features or choose_features(train[0], len(data.tags), by_rarity=False)
    left = None if seconds is None else seconds - (time.monotonic() - begun)
    model = fit(known, train, held_out, len(data.tags), batch=BATCH, seconds=left)
    if features is None:
        data.fitted.append(model)
    return model


def features_for(data: TagData) -> tuple[Tensor, Tensor]:
    """The features that such a model knows. Shapes: -> keys int64 [F], scale [F]"""
    train = data.parts["train"]

    def found() -> tuple[Tensor, Tensor]:
        around, _ = features_of(train, _thinned(train, MOST_TOKENS))
        return choose_features(around, len(data.tags), by_rarity=False)

    # of a part of the stored sentences they are others
    if data.place is None or len(train) != data.facts["counts"]["train"]:
        return found()
    return kept_features(data.place, "skip", found)


def tagged(model: SparseLogistic, part: TagPart, tags: list[str], scheme: str | None) -> list[list[str]]:
    """The best valid tags of every sentence, each token by itself."""
    rules = Transitions(len(tags), allowed(tags, scheme), learned=False)
    found, _ = features_of(part, range(len(part)))
    logits, start, answers = model.outputs(found), 0, []
    for ids in part.encoded:
        some = logits[start : start + len(ids)].unsqueeze(0)
        answers.append([tags[place] for place in rules.best(some, torch.tensor([len(ids)]))[0].tolist()])
        start += len(ids)
    return answers


def _known(found: Found, labels: Tensor) -> tuple[Found, Tensor]:
    """Without the tokens whose tag does not count."""
    if bool((labels >= 0).all()):
        return found, labels
    place = (labels >= 0).cumsum(0) - 1
    kept = labels[found.rows] >= 0
    return Found(found.keys[kept], place[found.rows[kept]], int((labels >= 0).sum())), labels[labels >= 0]


def _thinned(part: TagPart, most: int) -> list[int]:
    """The sentences that are looked at, evenly spread. most: tokens, MOST_TOKENS if there are more of them"""
    tokens, most = part.tokens, min(most, MOST_TOKENS)
    count = len(part) if tokens <= most else max(1, len(part) * most // tokens)
    return [int(row) for row in np.linspace(0, len(part) - 1, count)]
