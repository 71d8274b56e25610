"""How good forecasts are, over all their origins."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from recurra.baselines.forecast import naive
from recurra.data.series.intervals import outer
from recurra.data.series.scaling import scale_of
from recurra.data.series.windows import Origins
from recurra.metrics import forecast as metrics
from recurra.tasks.forecast.data import Part
from recurra.tasks.forecast.encoded import Encoded

Floats = npt.NDArray[np.float64]


def point_scores(encoded: Encoded, origins: Origins, found: Floats) -> dict[str, float]:
    """MASE, sMAPE, RMSE, MAE, and the last two in units of each series' deviation in training.

    MASE: the mean over origins and columns of each one's MAE over the mean change of a season before it; without it
    (a constant history, or none of a season) an origin is left out, and with none left the score is not given.
    Shapes: found [N, H, K]
    """
    truth = encoded.true(origins)[:, : found.shape[1]]
    scale = mase_scales(encoded, origins)
    each = np.abs(truth - found)
    known = ~np.isnan(each)
    counts = known.sum(1)
    errors = np.where(known, each, 0.0).sum(1) / np.maximum(counts, 1)
    usable = (counts > 0) & ~np.isnan(scale) & (scale > 0)
    size = deviations(encoded, origins)[:, None]
    scores: dict[str, float] = {}
    if usable.any():
        scores["mase"] = float(np.mean(errors[usable] / scale[usable]))
    scores["smape"] = metrics.symmetric_percentage_error(truth, found)
    scores["rmse"] = metrics.root_mean_squared_error(truth, found)
    scores["mae"] = metrics.mean_absolute_error(truth, found)
    scores["scaled_mse"] = metrics.mean_squared_error(truth / size, found / size)
    scores["scaled_mae"] = metrics.mean_absolute_error(truth / size, found / size)
    return scores


def all_scores(encoded: Encoded, origins: Origins, quantiles: Floats) -> dict[str, float]:
    """As `point_scores` of the median, with the pinball loss first, under "loss", in units of each series' deviation,
    and the coverage of the widest interval. Shapes: quantiles [N, H, K, Q]
    """
    levels = encoded.preprocessor.levels
    truth = encoded.true(origins)[:, : quantiles.shape[1]]
    size = deviations(encoded, origins)[:, None]
    low, high, share = outer(levels)
    loss = 2 * metrics.pinball_loss(truth / size, quantiles / size[..., None], levels)
    found = {"loss": loss} | point_scores(encoded, origins, quantiles[..., levels.index(0.5)])
    found["pinball"] = metrics.pinball_loss(truth, quantiles, levels)
    if share > 0:
        found["coverage"] = metrics.coverage(truth, quantiles[..., low], quantiles[..., high])
    return {name: value for name, value in found.items() if name == "loss" or not math.isnan(value)}


def no_better_than_last(part: Part, median: Floats) -> str | None:
    """A sentence if forecasts are hardly better than repeating the last value, else None. Shapes: median [N, H, K]"""
    encoded, origins = part.encoded, part.origins
    horizon = encoded.preprocessor.horizon
    repeated = np.stack(
        [
            np.stack([naive.last_value(h[:, k], horizon) for k in range(h.shape[1])], 1)
            for h in (encoded.history(series, step) for series, step in origins.each())
        ]
    )
    truth = encoded.true(origins)
    error, last = (metrics.mean_absolute_error(truth, found) for found in (median, repeated))
    if not error >= 0.98 * last:
        return None
    return (
        f"These forecasts are hardly better than repeating the last value: mean absolute errors {error:.4g} and "
        f"{last:.4g}. What a series did says next to nothing of what it will do where each change is as if by chance, "
        "as with prices of a market; the width of the intervals is then what is worth reading."
    )


def mase_scales(encoded: Encoded, origins: Origins) -> Floats:
    """The scale of MASE at each origin and column, NaN where there is none. [N, K]"""
    season = encoded.preprocessor.season
    found = np.full((len(origins), encoded.truth.shape[1]), math.nan)
    for series in np.unique(origins.series):
        length = int(encoded.length[series])
        values = encoded.history(int(series), length)
        if length <= season:
            continue
        changes = np.abs(values[season:] - values[:-season])
        known = ~np.isnan(changes)
        sums, counts = np.cumsum(np.where(known, changes, 0.0), 0), np.cumsum(known, 0)
        own = np.flatnonzero(origins.series == series)
        last = origins.step[own] - season - 1
        good = last >= 0
        place = last[good]
        found[own[good]] = np.where(counts[place] > 0, sums[place] / np.maximum(counts[place], 1), math.nan)
    return found


def deviations(encoded: Encoded, origins: Origins) -> Floats:
    """Of each origin's series, its deviation in training; of a new one, before the first of its origins. [N, K]"""
    found = np.ones((len(origins), encoded.truth.shape[1]))
    for series in np.unique(origins.series):
        own = origins.series == series
        known = encoded.preprocessor.sizes.get(encoded.panel.series[int(series)].name)
        before = encoded.history(int(series), int(origins.step[own].min()))
        found[own] = scale_of(before) if known is None else np.array(known)
    return found
