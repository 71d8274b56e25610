"""What a model thinks at each step of an input, as a page asks for it: a few steps at a time, the best classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from recurra.tasks.forward_pass import Floats, ForwardPass

KEPT = 12
"""Classes of each step that are kept."""
Best = list[tuple[int, float]]
"""Classes by their indices, with probabilities, the most probable first."""


class Thoughts(Protocol):
    """classes: what is told apart; at: what had been read at each step; length: steps that can be asked for"""

    classes: Sequence[str]
    at: Sequence[str]

    @property
    def length(self) -> int: ...

    def best(self, step: int) -> Best:
        """Of a step. Errors: IndexError"""

    def column(self) -> Floats | None:
        """One probability for each step that can be asked for, to colour the text by; None if there is none yet."""


class AsRead:
    """Of a text that is read from its beginning on, while it is read: what comes next.

    Its column is the probability that each token had after those before it, NaN for the first.
    """

    def __init__(self, classes: Sequence[str], at: Sequence[str], indices: Mapping[str, int]) -> None:
        self.classes, self.at, self._indices = classes, at, indices
        self._ids = np.zeros((len(at), min(KEPT, len(classes))), np.int32)
        self._chances = np.zeros(self._ids.shape, np.float32)
        self._given = np.full(len(at), np.nan, np.float32)
        self._last: Floats | None = None
        self._length = 0

    @property
    def length(self) -> int:
        return self._length

    def extend(self, probabilities: Floats) -> None:
        """Of the next steps. Shapes: [N, C]"""
        start, stop = self._length, self._length + len(probabilities)
        width = self._ids.shape[1]
        some = np.argpartition(-probabilities, width - 1, axis=1)[:, :width]
        order = np.argsort(-np.take_along_axis(probabilities, some, 1), axis=1, kind="stable")
        self._ids[start:stop] = np.take_along_axis(some, order, 1)
        self._chances[start:stop] = np.take_along_axis(probabilities, self._ids[start:stop], 1)
        for row in range(len(probabilities)):
            self._follow(start + row + 1, probabilities[row])
        if len(probabilities):
            self._last = probabilities[-1]
        self._length = stop

    def _follow(self, following: int, chances: Floats) -> None:
        place = self._indices.get(self.at[following]) if following < len(self.at) else None
        if place is not None:
            self._given[following] = chances[place]

    def goes_on(self, other: AsRead, steps: int) -> None:
        """The first steps as there, which were followed by the same tokens; what follows all of them may be another."""
        self._ids[:steps], self._chances[:steps] = other._ids[:steps], other._chances[:steps]
        self._length = steps
        if steps == other._length and other._last is not None:
            self._last = other._last
            self._given[:steps] = other._given[:steps]
            self._follow(steps, other._last)
        else:
            self._given[: steps + 1] = other._given[: steps + 1]

    def best(self, step: int) -> Best:
        if not 0 <= step < self._length:
            raise IndexError(step)
        return list(zip(self._ids[step].tolist(), self._chances[step].tolist(), strict=True))

    def column(self) -> Floats | None:
        return self._given[: self._length]


class Whole:
    """Of an input that is read whole. Its column is the probability of each step's best class."""

    def __init__(self, given: ForwardPass) -> None:
        self.classes, self.at, self._given = given.classes, given.at, given
        self._found: dict[int, Best] = {}
        self._column: Floats | None = None
        self.length = len(given.at)

    def best(self, step: int) -> Best:
        if not 0 <= step < self.length:
            raise IndexError(step)
        if step not in self._found:
            self._look(step)
        return self._found[step]

    @torch.no_grad()
    def _look(self, step: int) -> None:
        if self._given.ended is not None:
            steps = [k for k in range(max(0, step - 4), min(self.length, step + 5)) if k not in self._found]
            self._keep(steps, self._given.ended([k + 1 for k in steps]))
        elif self._given.probabilities is not None:
            self._keep(range(self.length), self._given.probabilities())

    def column(self) -> Floats | None:
        """None for what would be read again from its beginning for each of many steps."""
        if self._column is None and (self._given.ended is None or self.length <= MANY):
            self._column = np.array([self.best(step)[0][1] for step in range(self.length)], np.float32)
        return self._column

    def _keep(self, steps: Sequence[int], probabilities: npt.NDArray[np.float32]) -> None:
        order = np.argsort(-probabilities, axis=1, kind="stable")[:, :KEPT]
        for step, row, indices in zip(steps, probabilities, order.tolist(), strict=True):
            self._found[step] = [(place, float(row[place])) for place in indices]


MANY = 256
"""Steps; to read an input again for each of them takes time that grows with their square."""
