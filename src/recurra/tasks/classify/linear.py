"""The linear classifier of a text's n-grams: a baseline, and what may be added to a network as its linear skip."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from recurra.baselines.sparse_logistic import SparseLogistic, choose_features, fit
from recurra.data.batching.batches import BucketedBatches
from recurra.data.batching.buckets import by_length
from recurra.data.tokens.vocabulary import Level
from recurra.layers.sparse_linear import Found, ngrams

Texts = Sequence[npt.NDArray[np.int64]]

ORDERS: dict[Level, tuple[int, ...]] = {"word": (1, 2), "char": (1, 2, 3, 4), "byte": (1, 2, 3, 4, 5, 6)}
"""Tokens in a row that count as one feature."""
MOST_TOKENS = 1 << 22
"""Of the training part that it is fitted on; of more, every so many texts."""
TOKENS = 1 << 16
"""Padded tokens that are gone through at once."""


def features_of(encoded: Texts, level: Level) -> Found:
    """The n-grams of all texts."""
    keys, rows = [], []
    for indices in by_length([len(ids) for ids in encoded], TOKENS):
        some = [encoded[place] for place in indices]
        (batch,) = BucketedBatches(some, np.zeros(len(some), np.int64), len(some), shuffle=False).epoch(0)
        found = ngrams(torch.from_numpy(batch.tokens), torch.from_numpy(batch.lengths), ORDERS[level])
        keys.append(found.keys)
        rows.append(torch.from_numpy(indices)[found.rows])
    return Found(torch.cat(keys), torch.cat(rows), len(encoded))


def linear_features(train: Texts, classes: int, level: Level) -> tuple[torch.Tensor, torch.Tensor]:
    """The n-grams worth a weight, and their inverse document frequencies. Shapes: -> keys int64 [F], scale [F]"""
    return choose_features(features_of([train[i] for i in _thinned(train)], level), classes, by_rarity=True)


def fit_linear(
    features: tuple[torch.Tensor, torch.Tensor],
    train: tuple[Texts, npt.NDArray[np.int64]],
    validation: tuple[Texts, npt.NDArray[np.int64]],
    classes: int,
    level: Level,
) -> SparseLogistic:
    """train, validation: texts and their labels"""
    kept = _thinned(train[0])
    texts, labels = [train[0][i] for i in kept], torch.from_numpy(train[1][kept])
    held_out = features_of(validation[0], level), torch.from_numpy(validation[1])
    return fit(features, (features_of(texts, level), labels), held_out, classes)


def _thinned(texts: Texts) -> npt.NDArray[np.int64]:
    """The texts that are looked at, evenly spread."""
    tokens = sum(map(len, texts))
    count = len(texts) if tokens <= MOST_TOKENS else max(1, len(texts) * MOST_TOKENS // tokens)
    return np.linspace(0, len(texts) - 1, count).astype(np.int64)
