"""What a forecaster is asked: series that are gone on with from their ends, and forecasts of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.data.series.arrays import check_ahead
from recurra.data.series.forecast import Forecast
from recurra.data.series.learned import Learned
from recurra.data.series.panel import Panel, Series
from recurra.data.series.rows import time_text
from recurra.data.series.windows import Origins
from recurra.errors import DataError, UsageError, listed

Floats = npt.NDArray[np.float64]
PLOTTED = 3
"""Horizons of history that a forecast keeps, for pictures."""


def ready(panel: Panel, made: Learned, steps: int, *, skip_short: bool = False) -> Panel:
    """The panel as in training. skip_short: leave series out that are shorter than the window, if others are not

    Errors: DataError for a series that is too short, of other columns or frequency, or without what must be known ahead
    """
    panel = made.checked(panel)
    short = [one for one in panel.series if len(one) < made.window]
    if short and skip_short and len(short) < len(panel):
        panel = replace(panel, series=[one for one in panel.series if len(one) >= made.window])
    elif short:
        names = listed([one.name for one in short], 8)
        raise DataError(
            f"a forecast reads {made.window} steps; the series {names} "
            f"{'has' if len(short) == 1 else 'have'} {len(short[0]):,}{' and so on' if len(short) > 1 else ''}",
            remedy="give more of their history",
        )
    unknown = [one.name for one in panel.series if np.isnan(one.target[-made.window :]).all()]
    if unknown:
        raise DataError(
            f"the last {made.window} values of the series {listed(unknown, 8)} are all missing",
            remedy="a forecast reads these: end where a value is known, or leave the series out",
        )
    check_ahead(panel, steps)
    return panel


def ends_of(panel: Panel) -> Origins:
    """Where forecasts of all its series begin."""
    return Origins(np.arange(len(panel)), np.array([len(one) for one in panel.series]))


def forecasts(panel: Panel, made: Learned, quantiles: Floats) -> list[Forecast]:
    """Of each series and column. Shapes: quantiles [series, H, K, Q], as the values were"""
    return [
        _forecast(panel, made, series, k, quantiles[number, :, k])
        for number, series in enumerate(panel.series)
        for k in range(quantiles.shape[2])
    ]


def _forecast(panel: Panel, made: Learned, series: Series, column: int, quantiles: Floats) -> Forecast:
    length = len(series)
    kept = min(length, max(PLOTTED * len(quantiles), made.season if made.season <= 60 else 0))
    times = [time_text(time, panel.frequency) for time in panel.times(series, length - kept, length + len(quantiles))]
    return Forecast(
        series.name,
        panel.columns.target[column] if len(panel.columns.target) > 1 else "value",
        times[kept:],
        quantiles[:, made.levels.index(0.5)].tolist(),
        {level: quantiles[:, place].tolist() for place, level in enumerate(made.levels)},
        series.target[length - kept :, column].tolist(),
        times[:kept],
    )


def of_values(inputs: Any, made: Learned) -> Panel:
    """One series of values [T] or [T, K], of a model that reads nothing else. Errors: UsageError"""
    try:
        values = np.asarray(inputs, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"expected series: a path, a frame, an array of numbers, or None; got {inputs!r:.60}"
        ) from error
    values = values[:, None] if values.ndim == 1 else values
    width = len(made.columns.target)
    if values.ndim != 2 or values.shape[1] != width or not len(values):
        raise UsageError(f"expected values [T] or [T, {width}], got {list(values.shape)}")
    if len(values) < made.window:
        raise UsageError(f"a forecast reads {made.window} values, got {len(values)}")
    if np.isinf(values).any():
        raise UsageError(f"value {int(np.isinf(values).any(1).argmax()) + 1} is infinite; NaN is a missing one")
    others = [*made.columns.past, *made.columns.future, *made.columns.static]
    if others or made.dates:
        needs = f"the columns {listed(others)}" if others else "the calendar"
        raise UsageError(f"this model reads {needs} too; give a frame or a file instead of an array")
    empty = np.zeros((len(values), 0))
    name = next(iter(made.scales)) if len(made.scales) == 1 else "array"
    series = Series(name, np.datetime64(0, "s"), values, empty, empty, np.zeros(0))
    return Panel([series], made.columns, made.frequency)
