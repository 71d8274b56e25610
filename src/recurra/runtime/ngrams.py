"""Linear skips, and the n-grams of a text that a classifier's reads, found by their hashes as with torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recurra.runtime.predictions import Floats
from recurra.runtime.weights import Ints, Weights

EDGE = -1
FACTOR = np.int64(-7046029254386353131)
SPELT = 1 << 32
"""Added to a character's code point, as topologies.many_to_one does."""


@dataclass(frozen=True)
class Features:
    """Outputs of the features that a row has, as layers.sparse_linear.SparseLinear has them.

    share: of its outputs. Shapes: keys, scale [F]; weight [F, C]; bias [C]
    """

    keys: Ints
    scale: Floats
    weight: Floats
    bias: Floats
    share: float

    @classmethod
    def of(cls, weights: Weights, count: int, outputs: int) -> Features:
        """Errors: ModelFolderError"""
        keys = weights.ints("skip.keys", count)
        if (keys[1:] < keys[:-1]).any():
            raise weights.broken("the weight skip.keys is not in rising order; train it again")
        return cls(
            keys,
            weights.floats("skip.scale", count),
            weights.floats("skip.weight", count, outputs),
            weights.floats("skip.bias", outputs),
            float(weights.floats("skip.share")),
        )

    def outputs(self, keys: Ints) -> Floats:
        """Of a row with these keys, each as often as it occurs, times the share. Shapes: [M] -> [C]"""
        at = np.searchsorted(self.keys, keys).clip(max=len(self.keys) - 1)
        features, counts = np.unique(at[self.keys[at] == keys], return_counts=True)
        values = (1 + np.log(counts.astype(np.float32))) * self.scale[features]
        size = max(float(np.sqrt((values * values).sum())), 1e-12)
        said = self.share * (self.bias + (values / np.float32(size)) @ self.weight[features])
        return np.asarray(said, np.float32)


@dataclass(frozen=True)
class Skip:
    """after: tokens up to which it says nothing; alone: what the network's logits are multiplied with there"""

    features: Features
    after: float
    alone: float
    orders: tuple[int, ...]
    spelling: tuple[int, ...]

    @property
    def share(self) -> float:
        return self.features.share

    def beside(self, ids: Ints, letters: Ints) -> Floats:
        """What is added to the logits of a text. letters: of its words, if these are read. Shapes: -> [C]"""
        found = [ngrams(ids, self.orders)]
        if self.spelling:
            found.append(ngrams(letters + SPELT, self.spelling))
        return self.features.outputs(np.concatenate(found)) * np.float32(self._faded(len(ids)))

    def own(self, tokens: int) -> np.float32:
        """What the network's logits of so many tokens are multiplied with, see topologies.many_to_one.own_share."""
        return np.float32(1 + (self.alone - 1) * (1 - self._faded(tokens)))

    def _faded(self, tokens: int) -> float:
        """How much of it a text of so many tokens gets, see topologies.many_to_one.faded."""
        if self.after <= 0:
            return 1.0
        return min(max((tokens - self.after) / max(self.after, 1.0), 0.0), 1.0)


def ngrams(ids: Ints, orders: Sequence[int]) -> Ints:
    """The keys of all rows of so many ids, an edge on either side; an edge by itself is none."""
    padded = np.concatenate([[EDGE], ids, [EDGE]]).astype(np.int64)
    hashes, keys = mixed(padded + 2), []
    for order in range(1, min(max(orders), len(padded)) + 1):
        if order > 1:
            with np.errstate(over="ignore"):
                hashes = mixed(hashes[:-1] * FACTOR + (padded[order - 1 :] + 2))
        if order in orders:
            keys.append(hashes[1:-1] if order == 1 else hashes)
    return np.concatenate(keys) if keys else np.zeros(0, np.int64)


def mixed(keys: Ints) -> Ints:
    """Keys whose bits depend on all bits of what is given."""
    with np.errstate(over="ignore"):
        spread = keys * FACTOR
    found: Ints = spread ^ ((spread >> 29) & ((1 << 35) - 1))
    return found
