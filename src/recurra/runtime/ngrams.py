"""The linear skip of a classifier: the n-grams of a text, found by their hashes, as layers.sparse_linear finds them."""

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
class Skip:
    """share: of its outputs; after: tokens up to which it says nothing. Shapes: keys, scale [F]; weight [F, C]"""

    keys: Ints
    scale: Floats
    weight: Floats
    bias: Floats
    share: float
    after: float
    orders: tuple[int, ...]
    spelling: tuple[int, ...]

    @classmethod
    def of(
        cls, weights: Weights, features: int, classes: int, orders: tuple[int, ...], spelling: tuple[int, ...]
    ) -> Skip:
        """Errors: ModelFolderError"""
        keys = weights.ints("skip.keys", features)
        if (keys[1:] < keys[:-1]).any():
            raise weights.broken("the weight skip.keys is not in rising order; train it again")
        return cls(
            keys,
            weights.floats("skip.scale", features),
            weights.floats("skip.weight", features, classes),
            weights.floats("skip.bias", classes),
            float(weights.floats("skip.share")),
            float(weights.floats("skip_after")),
            orders,
            spelling,
        )

    def beside(self, ids: Ints, words: Sequence[str]) -> Floats:
        """What is added to the logits of a text. words: its tokens, of which the spelling is read. Shapes: -> [C]"""
        found = [ngrams(ids, self.orders)]
        if self.spelling:
            codes = np.frombuffer(f" {' '.join(words)} ".encode("utf-32-le", "surrogatepass"), np.uint32)
            found.append(ngrams(codes.astype(np.int64) + SPELT, self.spelling))
        every = np.concatenate(found)
        at = np.searchsorted(self.keys, every).clip(max=len(self.keys) - 1)
        features, counts = np.unique(at[self.keys[at] == every], return_counts=True)
        values = (1 + np.log(counts.astype(np.float32))) * self.scale[features]
        size = max(float(np.sqrt((values * values).sum())), 1e-12)
        said = self.share * (self.bias + (values / np.float32(size)) @ self.weight[features])
        return np.asarray(said * self._faded(len(ids)), np.float32)

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
