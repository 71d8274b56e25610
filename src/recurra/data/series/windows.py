"""Windows of series: what lies before an origin, and what comes after."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recurra.errors import UsageError

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Origins:
    """Places where forecasts begin: of the series `series[i]`, step `step[i]` is the first that is forecast."""

    series: Ints
    step: Ints

    def __len__(self) -> int:
        return len(self.series)

    def __getitem__(self, indices: slice | Ints) -> Origins:
        return Origins(self.series[indices], self.step[indices])

    def each(self) -> Iterator[tuple[int, int]]:
        """(series, step) of each."""
        return zip(self.series.tolist(), self.step.tolist(), strict=True)


@dataclass(frozen=True)
class Divided:
    """Where the parts of one series end. Units: steps. train is [0, train), validation [train, validation), ..."""

    train: int
    validation: int
    test: int


def divide(length: int, shares: tuple[float, float, float], horizon: int, test: int | None = None) -> Divided:
    """The parts of a series in the order of time: whole forecasts in each part that has a share.

    shares: of train, validation and test; test: a number of steps at the end instead of a share. Validation has two
    horizons at least where the series is long enough for that and as much training, else one.
    """
    train_share, validation_share, test_share = shares
    tested = (max(horizon, round(length * test_share)) if test_share else 0) if test is None else test
    rest = length - tested
    validated = 0
    if validation_share:
        validated = round(rest * validation_share / (train_share + validation_share))
        least = 2 * horizon if rest >= 5 * horizon else horizon
        validated = max(validated, least)
    return Divided(rest - validated, rest, length)


def every_origin(bounds: Sequence[tuple[int, int]], horizon: int, first: Sequence[int]) -> Origins:
    """Every origin whose whole forecast lies in its series' bounds [from, to), and not before its `first`."""
    series, steps = [], []
    for number, ((low, high), least) in enumerate(zip(bounds, first, strict=True)):
        some = np.arange(max(low, least), high - horizon + 1)
        series.append(np.full(len(some), number))
        steps.append(some)
    if not series:
        return Origins(np.zeros(0, np.int64), np.zeros(0, np.int64))
    return Origins(np.concatenate(series).astype(np.int64), np.concatenate(steps).astype(np.int64))


def rolling_origins(low: int, high: int, horizon: int, step: int, count: int | None = None) -> list[int]:
    """Origins `step` apart whose forecasts lie in [low, high), the last one's ending at high; the first one first.

    count: the last ones, at most this many. Errors: UsageError for a step or a count below 1
    """
    if step < 1 or (count is not None and count < 1):
        raise UsageError(f"origins are at least one, a whole step apart; got step {step} and origins {count}")
    found = list(range(high - horizon, low - 1, -step))
    return sorted(found if count is None else found[:count])


def steps_for(origins: int, step: int, horizon: int) -> int:
    """Steps at the end of a series that `count` origins need."""
    return (origins - 1) * step + horizon


def window_candidates(seasons: Sequence[int], horizon: int, longest: int) -> list[int]:
    """Lengths of windows worth trying: one, two and three seasons and a step, some horizons; 400 steps at most.

    longest: what the data allow. Errors: none; the longest itself if all are longer
    """
    tried = {2 * horizon, 4 * horizon}
    for season in seasons:
        tried |= {season + 1, 2 * season, 3 * season} if season <= 31 else {season}
    fit = sorted(window for window in tried if 2 <= window <= min(longest, MOST))
    return fit or [max(1, min(longest, MOST))]


MOST = 400
"""Steps of the longest window that is tried unasked: longer ones take long to learn."""
