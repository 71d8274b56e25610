"""Intervals that hold what they say: widened by how the last forecasts before an origin went.

A network's quantiles fit the past; the errors of forecasts whose outcome was known at an origin say by how much they
must be wider or narrower there (conformal prediction: Romano, Patterson & Candes 2019; over a window of the most recent
ones: Gibbs & Candes 2021).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from recurra.data.series.arrays import Arrays
from recurra.data.series.windows import Origins

Floats = npt.NDArray[np.float64]
Forecasting = Callable[[Origins, int | None], Floats]
"""Transformed quantiles at some origins [N, H, K, Q], of so many steps, by default those of training."""
PATHS = 64
"""Of a forecast that reads its own steps, so many possible ones are drawn."""

FEWEST = 100
"""Outcomes from which a factor is taken."""
MOST_LOOKED_AT = 20_000
"""Earlier forecasts that are made for it at most; of more, every so many."""


def outer(levels: tuple[float, ...]) -> tuple[int, int, float]:
    """The widest interval: the places of its ends among the levels, and the share that should lie in it."""
    low, high = 0, len(levels) - 1
    return low, high, levels[high] - levels[low]


def scores(quantiles: Floats, truth: Floats, levels: tuple[float, ...]) -> Floats:
    """How far from the median each outcome lies, in half widths of the interval on its side; NaN where unknown.

    Shapes: quantiles [N, H, K, Q], truth [N, H, K], both transformed -> [N, H, K]
    """
    low, high, _ = outer(levels)
    median = quantiles[..., levels.index(0.5)]
    above, below = quantiles[..., high] - median, median - quantiles[..., low]
    tiny = 1e-12 * np.maximum(np.abs(median), 1.0)
    over = truth - median
    return np.where(over >= 0, over / np.maximum(above, tiny), -over / np.maximum(below, tiny))


def factor(known: Floats, share: float, forecasts: int) -> float | None:
    """By how much intervals are widened so that a share of known scores lies inside; None for too few.

    forecasts: that the scores come from, for the correction of a finite sample
    """
    known = known[~np.isnan(known)]
    if len(known) < FEWEST or forecasts < 1 or share <= 0:
        return None
    return float(np.quantile(known, min(1.0, share * (forecasts + 1) / forecasts)))


def known_at(found: Floats, steps: npt.NDArray[np.int64], origin: int, most: int) -> tuple[Floats, int]:
    """The scores whose outcome was known at an origin, of the forecasts of the `most` steps before, and of how many.

    Shapes: found [N, H, K] of the forecasts from `steps` [N] -> [M]
    """
    near = (steps < origin) & (steps >= origin - most)
    over = steps[near][:, None] + np.arange(found.shape[1]) < origin
    return found[near][over].reshape(-1), int(over.all(1).sum())


def calibrated(
    forecast: Forecasting, encoded: Arrays, origins: Origins, horizon: int | None = None
) -> tuple[Floats, Floats]:
    """Quantiles as the values were, and the factor of each origin. [N, H, K, Q], [N]

    Where the history is too short for a factor, it is 1: the network's own quantiles, widened on validation.
    """
    made = encoded.preprocessor
    steps = made.horizon if horizon is None else horizon
    found = forecast(origins, steps)
    factors = np.ones(len(origins))
    _, _, share = outer(made.levels)
    before = _before(encoded, origins)
    if len(before) and share > 0:
        scored = scores(forecast(before, None), encoded.outcomes(before), made.levels)
        for series in np.unique(origins.series):
            own = before.series == series
            for place in np.flatnonzero(origins.series == series):
                known, over = known_at(scored[own], before.step[own], int(origins.step[place]), made.calibration)
                factors[place] = factor(known, share, over) or 1.0
    median = found[..., [made.levels.index(0.5)]]
    return made.transform.inverse(median + factors[:, None, None, None] * (found - median)), factors


def _before(encoded: Arrays, origins: Origins) -> Origins:
    """The origins whose forecasts are looked at: those that lie before any of these, not too long before."""
    made = encoded.preprocessor
    series, steps = [], []
    for number in np.unique(origins.series):
        own = origins.step[origins.series == number]
        wanted = np.zeros(int(own.max()) + 1, bool)
        for origin in own.tolist():
            wanted[max(made.window, origin - made.calibration) : origin] = True
        some = np.flatnonzero(wanted)
        series.append(np.full(len(some), number))
        steps.append(some)
    whole = Origins(np.concatenate(series).astype(np.int64), np.concatenate(steps).astype(np.int64))
    most = MOST_LOOKED_AT if made.block >= made.horizon else MOST_LOOKED_AT // 100
    every = -(-len(whole) // most)
    return whole[slice(None, None, max(every, 1))]


def at_levels(quantiles: Floats, levels: Floats, wanted: Floats) -> Floats:
    """Values at other levels, on the line between their neighbours, behind the outermost ones on that line further.

    Shapes: quantiles [P, H, K, Q], levels [Q], wanted [P] -> [P, H, K]
    """
    if len(levels) == 1:
        return quantiles[..., 0]
    place = np.clip(np.searchsorted(levels, wanted) - 1, 0, len(levels) - 2)
    rows = np.arange(len(quantiles))
    low, high = quantiles[rows, :, :, place], quantiles[rows, :, :, place + 1]
    share = ((wanted - levels[place]) / (levels[place + 1] - levels[place]))[:, None, None]
    return np.asarray(low + share * (high - low))
