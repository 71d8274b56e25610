"""How good forecasts are: pure functions of numpy arrays, the unit in the docstring. NaN in the truth is left out."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from numpy.typing import ArrayLike

from recurra.errors import ShapeError

Floats = npt.NDArray[np.float64]


def mean_absolute_error(true: ArrayLike, forecast: ArrayLike) -> float:
    """MAE. Shapes: both [...], alike. Units: as the values"""
    truth, guess = _pair(true, forecast)
    return float(np.mean(np.abs(truth - guess)))


def root_mean_squared_error(true: ArrayLike, forecast: ArrayLike) -> float:
    """RMSE. Shapes: both [...], alike. Units: as the values"""
    return math.sqrt(mean_squared_error(true, forecast))


def mean_squared_error(true: ArrayLike, forecast: ArrayLike) -> float:
    """MSE. Shapes: both [...], alike. Units: as the values, squared"""
    truth, guess = _pair(true, forecast)
    return float(np.mean((truth - guess) ** 2))


def symmetric_percentage_error(true: ArrayLike, forecast: ArrayLike) -> float:
    """sMAPE: mean of 2 |y - f| / (|y| + |f|), where 0 / 0 counts as 0. Units: percent, 0 to 200

    Source: Makridakis 1993, as the M4 competition has it
    """
    truth, guess = _pair(true, forecast)
    size = np.abs(truth) + np.abs(guess)
    each = np.divide(2 * np.abs(truth - guess), size, out=np.zeros_like(size), where=size > 0)
    return float(100 * np.mean(each))


def seasonal_scale(history: ArrayLike, season: int) -> float:
    """Mean absolute change over a season in a history, the scale of MASE: |y[t] - y[t - m]|. Units: as the values

    Shapes: history [T]. NaN if the history is shorter than that or has no pair without a missing value
    """
    values = np.asarray(history, dtype=np.float64)
    if values.ndim != 1 or season < 1:
        raise ShapeError(f"expected history [T] and a season from 1, got {list(values.shape)} and {season}")
    changes = np.abs(values[season:] - values[:-season])
    known = changes[~np.isnan(changes)]
    return float(known.mean()) if len(known) else math.nan


def scaled_error(true: ArrayLike, forecast: ArrayLike, history: ArrayLike, season: int) -> float:
    """MASE of one origin: its MAE over `seasonal_scale` of what lies before it. NaN where that is 0 or unknown.

    Source: Hyndman & Koehler 2006
    """
    scale = seasonal_scale(history, season)
    if math.isnan(scale) or scale == 0:
        return math.nan
    return mean_absolute_error(true, forecast) / scale


def pinball_loss(true: ArrayLike, quantiles: ArrayLike, levels: Sequence[float]) -> float:
    """Mean of max(q d, (q - 1) d), d = y - f, over values and levels. Units: as the values

    Shapes: true [...], quantiles [..., Q], levels Q numbers between 0 and 1
    Source: Koenker & Bassett 1978
    """
    truth, found = np.asarray(true, dtype=np.float64), np.asarray(quantiles, dtype=np.float64)
    if found.shape != (*truth.shape, len(levels)):
        raise ShapeError(f"expected quantiles {[*truth.shape, len(levels)]}, got {list(found.shape)}")
    known = ~np.isnan(truth)
    if not known.any():
        return math.nan
    over = truth[known][:, None] - found[known]
    level = np.asarray(levels)
    return float(np.mean(np.maximum(level * over, (level - 1) * over)))


def coverage(true: ArrayLike, low: ArrayLike, high: ArrayLike) -> float:
    """The fraction of values inside of their intervals, ends included. NaN if no value is known."""
    truth, below, above = (np.asarray(each, dtype=np.float64) for each in (true, low, high))
    if not truth.shape == below.shape == above.shape:
        raise ShapeError(f"expected three arrays alike, got {[list(e.shape) for e in (truth, below, above)]}")
    known = ~np.isnan(truth)
    if not known.any():
        return math.nan
    return float(np.mean((truth[known] >= below[known]) & (truth[known] <= above[known])))


def _pair(true: ArrayLike, forecast: ArrayLike) -> tuple[Floats, Floats]:
    truth, guess = np.asarray(true, dtype=np.float64), np.asarray(forecast, dtype=np.float64)
    if truth.shape != guess.shape:
        raise ShapeError(f"expected true and forecast alike, got {list(truth.shape)} and {list(guess.shape)}")
    known = ~np.isnan(truth)
    if not known.any():
        return np.array([math.nan]), np.array([math.nan])
    return truth[known], guess[known]
