"""The linear classifier of a text's n-grams: a baseline, and what may be added to a network as its linear skip."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from recurra.baselines.log_odds import log_odds, paces, strength
from recurra.baselines.sparse_logistic import SparseLogistic, choose_features, fit
from recurra.data.batching.batches import BucketedBatches
from recurra.data.batching.buckets import by_length
from recurra.data.ragged import lengths_of
from recurra.data.tokens.orders import ORDERS, SPELLING
from recurra.data.tokens.vocabulary import Level
from recurra.layers.sparse_linear import Found, ngrams, together
from recurra.topologies.many_to_one import SPELT

Ids = npt.NDArray[np.int64]
Features = tuple[Tensor, Tensor]

MOST_SPELT = 1 << 20
"""Tokens of a training part up to which their spelling is read: of more, most words are seen often enough."""
MOST_TOKENS = 1 << 22
"""Of the training part that it is fitted on; of more, every so many texts."""
TOKENS_A_SECOND = 40_000
"""Of a run that is looked at for its features: some percent of it, on slow processors."""
MOST_OUTPUTS = 1 << 22
"""Texts times classes by which it is stopped; of more, every so many texts."""
PROBE, READING = 1 << 15, 0.2
"""Tokens on which it is measured how long reading takes; share of the time for it, of which each is read twice."""
PADDED = 1 << 16
"""Tokens that are gone through at once."""


class Texts(NamedTuple):
    """What a linear classifier reads: of each text its tokens, and its characters where spelling is read too.

    Shapes: N arrays int64 [T]; N arrays int64 [L], see `letters_of`
    """

    encoded: Sequence[Ids]
    letters: Sequence[Ids] | None = None

    def some(self, indices: Sequence[int] | Ids) -> Self:
        """Those at some places."""
        letters = None if self.letters is None else [self.letters[i] for i in indices]
        return type(self)([self.encoded[i] for i in indices], letters)


def letters_of(tokens: Sequence[str]) -> Ids:
    """The characters of a text, its tokens joined by spaces, as a skip reads them. Shapes: -> int64 [L], not empty"""
    codes = np.frombuffer(f" {' '.join(tokens)} ".encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    return codes.astype(np.int64) + SPELT


def known_letters(texts: Sequence[Ids], fewest: int) -> str:
    """The characters that occur so often at least, by rising code point. texts: as `letters_of` gives them"""
    codes, counts = np.unique(np.concatenate(texts), return_counts=True)
    return "".join(chr(code - SPELT) for code in codes[counts >= fewest].tolist())


def features_of(texts: Texts, level: Level) -> Found:
    """The n-grams of all texts."""
    found = _ngrams(texts.encoded, ORDERS[level])
    return found if texts.letters is None else together(found, _ngrams(texts.letters, SPELLING))


def _ngrams(encoded: Sequence[Ids], orders: tuple[int, ...]) -> Found:
    keys, rows = [], []
    for indices in by_length([len(ids) for ids in encoded], PADDED):
        some = [encoded[place] for place in indices]
        (batch,) = BucketedBatches(some, np.zeros(len(some), np.int64), len(some), shuffle=False).epoch(0)
        found = ngrams(torch.from_numpy(batch.tokens), torch.from_numpy(batch.lengths), orders)
        keys.append(found.keys)
        rows.append(torch.from_numpy(indices)[found.rows])
    return Found(torch.cat(keys), torch.cat(rows), len(encoded))


def rare_features(train: Texts, classes: int, level: Level, minutes: float | None = None) -> Features:
    """The n-grams worth a weight, and their inverse document frequencies. Shapes: -> keys int64 [F], scale [F]

    minutes: of a run, of which few tokens are looked at if it is short
    """
    return choose_features(features_of(train.some(_within(train, minutes)), level), classes, by_rarity=True)


def weighed_features(train: Texts, labels: Ids, classes: int, level: Level, minutes: float | None = None) -> Features:
    """The same n-grams, and how strongly each speaks for some classes. Shapes: -> keys int64 [F], scale [F]

    minutes: as in `rare_features`
    """
    kept = _within(train, minutes)
    found, some = features_of(train.some(kept), level), torch.from_numpy(labels[kept])
    keys, _ = choose_features(found, classes, by_rarity=False)
    return keys, strength(log_odds(keys, found, some, classes), some)


def fit_linear(
    features: Features,
    train: tuple[Texts, Ids],
    validation: tuple[Texts, Ids],
    classes: int,
    level: Level,
    seconds: float | None = None,
    *,
    by_odds: bool = False,
) -> SparseLogistic:
    """train, validation: texts and their labels; seconds: for all of it, in which fewer texts are looked at; by_odds:
    learn faster what a class's log odds speak for"""
    begun, most = time.monotonic(), MOST_TOKENS
    if seconds is not None:
        probe = _thinned(train[0], PROBE)
        features_of(train[0].some(probe), level)
        most = int(PROBE * READING * seconds / max(time.monotonic() - begun, 1e-6))
    kept, held = _thinned(train[0], most), _thinned(validation[0], max(1, most // 4), MOST_OUTPUTS // classes)
    labels = torch.from_numpy(train[1][kept])
    held_out = features_of(validation[0].some(held), level), torch.from_numpy(validation[1][held])
    found = features_of(train[0].some(kept), level)
    pace = paces(log_odds(features[0], found, labels, classes), labels) if by_odds else None
    left = None if seconds is None else seconds - (time.monotonic() - begun)
    return fit(features, (found, labels), held_out, classes, paces=pace, seconds=left)


def _within(texts: Texts, minutes: float | None) -> Ids:
    """Those that are looked at for their n-grams in a run of so many minutes."""
    return _thinned(texts, MOST_TOKENS if minutes is None else int(60 * minutes * TOKENS_A_SECOND))


def _thinned(texts: Texts, most: int, most_texts: int | None = None) -> Ids:
    """The texts that are looked at, evenly spread. most: tokens, MOST_TOKENS if there are more of them"""
    tokens, count = int(lengths_of(texts.encoded).sum()), len(texts.encoded)
    most = min(most, MOST_TOKENS)
    kept = count if tokens <= most else max(1, count * most // tokens)
    kept = kept if most_texts is None else min(kept, max(1, most_texts))
    return np.linspace(0, count - 1, kept).astype(np.int64)
