"""Forecasts that need no fitting: the last value, the last season, the line from the first value to the last."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def last_value(history: Floats, horizon: int) -> Floats:
    """The last value again and again. Shapes: history [T] without NaN at its end -> [horizon]"""
    return np.repeat(_known(history)[-1], horizon)


def seasonal_naive(history: Floats, horizon: int, season: int) -> Floats:
    """The values of the last season again. A history shorter than that: the last value."""
    known = _known(history)
    if len(known) < season:
        return last_value(history, horizon)
    return known[len(known) - season + np.arange(horizon) % season]


def drift(history: Floats, horizon: int) -> Floats:
    """On along the line through the first and the last value."""
    known = _known(history)
    slope = (known[-1] - known[0]) / max(len(known) - 1, 1)
    return np.asarray(known[-1] + slope * np.arange(1, horizon + 1))


def _known(history: Floats) -> Floats:
    """Missing values as the one before, at the beginning as the first known one."""
    known = ~np.isnan(history)
    if known.all():
        return history
    if not known.any():
        return np.zeros_like(history)
    place = np.maximum.accumulate(np.where(known, np.arange(len(history)), -1))
    return history[np.where(place < 0, known.argmax(), place)]
