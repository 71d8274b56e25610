"""Times of several sides, taken in turn."""

from __future__ import annotations

import gc
import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

WARM_UPS = 2
FEWEST_REPEATS = 7
SAMPLE_SECONDS = 25e-3
"""A call that is shorter is repeated within a sample until it lasts about so long."""

Clock = Callable[[], float]


@dataclass(frozen=True)
class Times:
    """Samples of one side. Units: seconds per call"""

    samples: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    @property
    def best(self) -> float:
        """For what a machine can do at most; what it did is the median."""
        return min(self.samples)


@contextmanager
def no_collection() -> Iterator[None]:
    """Python's garbage collection off, after one last time."""
    was_on = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def interleaved(
    sides: Sequence[Callable[[], object]], repeats: int = FEWEST_REPEATS, clock: Clock = time.perf_counter
) -> list[Times]:
    """Time each side once, then each again, `repeats` times after two warm-ups.

    Noise of a shared machine so falls on all sides alike. A turn begins with a call that is not timed: it finds the
    caches full of another side's data, where in use a layer mostly follows the same layer.
    """
    with no_collection():
        loops = [warm(side, clock) for side in sides]
        samples: list[list[float]] = [[] for _ in sides]
        for _ in range(repeats):
            for side, count, found in zip(sides, loops, samples, strict=True):
                side()
                found.append(sample(side, count, clock))
    return [Times(tuple(found)) for found in samples]


def warm(side: Callable[[], object], clock: Clock = time.perf_counter) -> int:
    """Calls of a sample, by the last warm-up."""
    seconds = 0.0
    for _ in range(WARM_UPS):
        seconds = sample(side, 1, clock)
    return max(1, min(1000, math.ceil(SAMPLE_SECONDS / max(seconds, 1e-9))))


def sample(side: Callable[[], object], count: int, clock: Clock = time.perf_counter) -> float:
    """Seconds of a call."""
    begun = clock()
    for _ in range(count):
        side()
    return (clock() - begun) / count
