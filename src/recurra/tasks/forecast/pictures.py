"""Forecasts as pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from recurra.data.series.forecast import Forecast
from recurra.data.series.rows import time_text
from recurra.report.sections import Picture
from recurra.report.svg import BLUE, GREY, INK, ORANGE, chart, drawing, to_svg
from recurra.tasks.forecast.data import Part

Floats = npt.NDArray[np.float64]

HISTORY = 4
"""Horizons of history before a forecast."""


def of_origin(part: Part, place: int, quantiles: Floats, name: str) -> Picture:
    """One forecast of a part beside what came. quantiles: of its first column [H, Q]"""
    encoded = part.encoded
    made, panel = encoded.preprocessor, encoded.panel
    series, step = int(part.origins.series[place]), int(part.origins.step[place])
    one = panel.series[series]
    before = min(step, max(HISTORY * made.horizon, min(2 * made.season, 8 * made.horizon)))
    history = encoded.history(series, step)[step - before :, 0]
    truth = encoded.true(part.origins[slice(place, place + 1)])[0, :, 0]
    start = time_text(panel.times(one, step, step + 1)[0], panel.frequency)
    title = f"{one.name} from {start}"
    errors = np.abs(truth - quantiles[:, made.levels.index(0.5)])
    error = f", mean absolute error {np.nanmean(errors):.4g}" if not np.isnan(errors).all() else ""
    text = f"{title}: {made.horizon} steps ahead{error}"
    with drawing(name):
        figure, axes = chart()
        draw(axes, history, quantiles, made.levels, truth)
        axes.set_xlabel("steps from the origin")
        return Picture(title, to_svg(figure, text), text)


def of_forecasts(found: Sequence[Forecast], name: str) -> str:
    """Forecasts as a user gets them, one under the other, as SVG text."""
    count = max(len(found), 1)
    with drawing(name):
        figure = Figure(figsize=(560 / 72, (70 + 170 * count) / 72), layout="constrained")
        for number, one in enumerate(found):
            axes = figure.add_subplot(count, 1, number + 1)
            axes.grid(axis="y")
            axes.spines["left"].set_visible(False)
            levels = tuple(one.quantiles)
            quantiles = np.array([one.quantiles[level] for level in levels]).T
            draw(axes, np.array(one.history), quantiles, levels, None)
            times = one.history_times + one.times
            indices = np.unique(np.linspace(0, len(times) - 1, 5).astype(int))
            axes.set_xticks([place - len(one.history) + 1 for place in indices], [times[place] for place in indices])
            axes.set_title(one.name)
        first = found[0] if found else None
        words = f"Forecasts from {first.times[0]} to {first.times[-1]}" if first is not None else "No forecast"
        return to_svg(figure, words)


def draw(axes: Axes, history: Floats, quantiles: Floats, levels: Sequence[float], truth: Floats | None) -> None:
    """The history up to step 0, the median and the intervals after it, and, dashed, what came. quantiles: [H, Q]"""
    count, ahead = len(history), np.arange(1, len(quantiles) + 1)
    middle = list(levels).index(0.5)
    known = history[~np.isnan(history)]
    last = known[-1] if len(known) else quantiles[0, middle]
    join = np.concatenate([[0], ahead])
    for low in range(middle):
        high = len(levels) - 1 - low
        if high > middle:
            band = [np.concatenate([[last], quantiles[:, place]]) for place in (low, high)]
            axes.fill_between(join, band[0], band[1], color=ORANGE, alpha=0.18, linewidth=0)
    axes.plot(np.arange(-count + 1, 1), history, color=BLUE, linewidth=1, label="history")
    axes.plot(join, np.concatenate([[last], quantiles[:, middle]]), color=ORANGE, linewidth=1.6, label="forecast")
    if truth is not None:
        axes.plot(ahead, truth, color=INK, linewidth=1, linestyle=(0, (3, 2)), label="what came")
    axes.axvline(0, color=GREY, linewidth=0.6)
