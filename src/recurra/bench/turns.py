"""Training steps of several sides, taken in turn by blocks: in a training each step finds what the last one left."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from recurra.bench.timing import SAMPLE_SECONDS, Times


@dataclass(frozen=True)
class Block:
    """Steps of one side that follow each other.

    refilling: the first ones, which find the other side's data in the caches; they are not counted
    """

    steps: int
    refilling: int


SHORT, LONG = Block(8, 2), Block(3, 1)

Step = Callable[[int], object]
"""Takes the step of this number."""


def block_for(seconds: float) -> Block:
    """What follows each other of steps that take so long at least: a long one is a sample, and fills the caches."""
    return SHORT if seconds < SAMPLE_SECONDS else LONG


def steps_of(repeats: int, block: Block) -> int:
    """Of each side: those of the samples, and a block before them for warming up."""
    return block.steps * (1 + repeats)


class Turns:
    """Peers beside a training of `steps_of` its repeats: after each block of its steps, each of them takes the same."""

    def __init__(
        self, peers: Sequence[Step], repeats: int, block: Block, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self.peers, self.block, self.clock = peers, block, clock
        self.steps = steps_of(repeats, block)
        self.seconds: list[list[float]] = [[] for _ in peers]

    def after(self, index: int) -> None:
        """To be called after the training's step of this number."""
        size = self.block.steps
        if (index + 1) % size:
            return
        for step, found in zip(self.peers, self.seconds, strict=True):
            for number in range(index + 1 - size, index + 1):
                begun = self.clock()
                step(number)
                found.append(self.clock() - begun)

    def times(self, seconds: Sequence[float]) -> Times:
        """A sample of each block but the first: the median of its counted steps. seconds: of each step"""
        size, first = self.block.steps, self.block.refilling
        starts = range(size, self.steps, size)
        return Times(tuple(statistics.median(seconds[start + first : start + size]) for start in starts))
