"""What a generator is told to write: vectors of a class, or of attributes, and what begins with them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recurra.data.attributes import Attributes
from recurra.runtime.layers import Layers, State
from recurra.runtime.predictions import Floats
from recurra.runtime.weights import Weights


class Values:
    """A vector of each value of each attribute; a condition is their sum. width: of a vector"""

    def __init__(self, weights: Weights, attributes: Attributes, width: int) -> None:
        self._tables = [weights.floats(f"values.{i}.weight", n, width) for i, n in enumerate(attributes.sizes())]

    def vectors(self, indices: Sequence[Sequence[int]]) -> Floats:
        """Shapes: N conditions, a value of each attribute -> [N, E]"""
        rows = np.array(indices, np.int64)
        found: Floats = np.sum([table[rows[:, i]] for i, table in enumerate(self._tables)], 0, dtype=np.float32)
        return found


class Bridge:
    """Makes the initial states of all layers of a condition's vector. width: of the vector"""

    def __init__(self, weights: Weights, layers: Layers, width: int) -> None:
        self._shape = len(layers.starts), len(layers.layers)
        hidden = layers.starts[0].shape[1]
        self._weight, self._bias = weights.linear("bridge", width, hidden * self._shape[0] * self._shape[1])

    def start(self, vectors: Floats) -> State:
        """Shapes: [N, E] -> for each state of the cell [L, N, H]"""
        states, count = self._shape
        rows = np.tanh(vectors @ self._weight.T + self._bias).reshape(len(vectors), states, count, -1)
        return tuple(np.ascontiguousarray(each) for each in rows.transpose(1, 2, 0, 3))


def drawn_conditions(attributes: Attributes, condition: str | None, count: int, seed: int) -> list[tuple[int, ...]]:
    """As with torch: what is left open is drawn as often as in training. Errors: UsageError, UnknownNameError"""
    choice = attributes.matching(condition)
    shares = np.array([often for _, often in choice], np.float64)
    indices = np.random.default_rng([seed, 0, 1]).choice(len(choice), size=count, p=shares / shares.sum())
    return [choice[place][0] for place in indices.tolist()]


def seed_of(seed: int | None) -> int:
    """The seed, another one each time for None."""
    return int(np.random.default_rng().integers(2**32)) if seed is None else seed
