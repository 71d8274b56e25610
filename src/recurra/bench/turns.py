"""Training steps of several sides, taken in turn by blocks: in a training each step finds what the last one left."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

from recurra.bench.timing import Times

BLOCK = 8
"""So many steps of one side follow each other."""
REFILLING = 2
"""The first ones of a block find the other side's data in the caches; they are not counted."""

Step = Callable[[int], object]
"""Takes the step of this number."""


def steps_of(repeats: int) -> int:
    """Of each side: those of the samples, and a block before them for warming up."""
    return BLOCK * (1 + repeats)


class Turns:
    """Peers beside a training of `steps_of` its repeats: after each block of its steps, each of them takes the same."""

    def __init__(self, peers: Sequence[Step], repeats: int, clock: Callable[[], float] = time.perf_counter) -> None:
        self.peers, self.clock = peers, clock
        self.steps = steps_of(repeats)
        self.seconds: list[list[float]] = [[] for _ in peers]

    def after(self, index: int) -> None:
        """To be called after the training's step of this number."""
        if (index + 1) % BLOCK:
            return
        for step, found in zip(self.peers, self.seconds, strict=True):
            for number in range(index + 1 - BLOCK, index + 1):
                begun = self.clock()
                step(number)
                found.append(self.clock() - begun)

    def times(self, seconds: Sequence[float]) -> Times:
        """A sample of each block but the first: the median of its counted steps. seconds: of each step"""
        starts = range(BLOCK, self.steps, BLOCK)
        return Times(tuple(statistics.median(seconds[start + REFILLING : start + BLOCK]) for start in starts))
