"""How much of a training part a baseline can learn from in a given time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

CAUTION, SUBLINEAR = 0.7, 0.95
"""N times as much takes somewhat more than N times as long: what is sorted no longer fits a cache."""


def affordable(probed: int, took: float, seconds: float) -> int:
    """Of how much a baseline is fitted and scored in so many seconds, given what a small part took; at least that.

    Units: seconds; what is counted is the caller's
    """
    left = CAUTION * (seconds - took) / max(took, 1e-6)
    return probed if left <= 1 else int(probed * left**SUBLINEAR)


LINEAR, SQUARE = 1.05, 2.0
"""Powers of its size with which the time for a sample grows: at least, and as long as it has not been measured."""
KNOWN = 1.2
"""Times what the smallest sample took, from which it is seen how the time grows."""
STEP, WORTH = 16.0, 1.5
"""Times the sample before: a next one at most, and one that is worth the time at least."""


def as_many_as(
    made: Callable[[int], T],
    whole: int,
    seconds: float,
    *,
    first: int,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[T, int]:
    """What is made of as many as there is time for, and of how many that is.

    made: of so many; it is called for few at first, then for more, as the time that it took allows; whole: all there
    are; first: for how many it is called first, whatever the time
    """
    begun, count, tried = clock(), max(1, min(first, whole)), list[tuple[int, float]]()
    while True:
        start = clock()
        found = made(count)
        tried.append((count, max(clock() - start, 1e-6)))
        if count >= whole:
            return found, whole
        more = int(count * min(STEP, _times(tried, CAUTION * (seconds - (clock() - begun)))))
        if more < min(WORTH * count, whole):
            return found, count
        count = min(whole, more)


def _times(tried: list[tuple[int, float]], left: float) -> float:
    """How many times the last of some samples may take so many seconds. tried: sizes and seconds, from the smallest on

    What the smallest took counts as what any takes, and the rest as a power of the size, which the last two show.
    """
    (_, least), (last, took) = tried[0], tried[-1]
    if len(tried) > 2 and min(tried[-2][1], took) > KNOWN * least:
        power = math.log((took - least) / (tried[-2][1] - least)) / math.log(last / tried[-2][0])
        return float((max(left - least, 0.0) / (took - least)) ** (1 / max(power, LINEAR)))
    return float((max(left, 0.0) / took) ** (1 / SQUARE))
