"""Lines with axes: what a task draws, and the course of a training.

Each function returns one <svg> element, or None where there is nothing to draw.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter
from numpy.typing import ArrayLike

from recurra.report.lettering import shorten, text_width
from recurra.report.sections import Curves
from recurra.report.svg import INK, MUTED, ORANGE, SERIES, drawing, to_svg

WIDTH, LEFT, RIGHT = 400.0, 52.0, 12.0
"""Of a picture in CSS pixels: at 400 it fills a telephone, and two stand beside each other on a desk."""
FEW = 40
"""Points from which on a line shows them no more."""
ROUND = (1, 2, 5, 10)
"""Steps of an axis, times powers of ten."""
LEGEND = 18.0
"""Height of a line of the legend."""


@dataclass(frozen=True)
class Trace:
    """One line of a panel."""

    name: str
    values: Sequence[float | None]
    color: str
    width: float = 2.0


@dataclass(frozen=True)
class Panel:
    """One quantity over a training.

    title: with the unit; mark: place of the evaluation to point out, with words; level: a value to compare with, its
    words; zero: whether the axis begins there; legend_rows: room for so many at least, as the panel beside it has
    """

    title: str
    traces: Sequence[Trace]
    tall: float = 170.0
    mark: tuple[int, str] | None = None
    level: tuple[float, str] | None = None
    percent: bool = False
    zero: bool = False
    legend_rows: int = 0


@dataclass(frozen=True)
class Clock:
    """Where the evaluations of a training lie. label: of x; more: those places in another unit, on top"""

    label: str
    x: Sequence[float]
    more: Sequence[float] = field(default_factory=list)
    more_label: str = ""


def draw_panel(panel: Panel, clock: Clock, name: str) -> str | None:
    """A panel over epochs, seconds or steps."""
    if not any(finite(value) for trace in panel.traces for value in trace.values):
        return None
    rows = legend_of(panel)
    above = 24 + LEGEND * max(len(rows), panel.legend_rows) + (26 if clock.more else 8)
    height = above + panel.tall + 26
    with drawing(name):
        figure = Figure(figsize=(WIDTH / 72, height / 72))
        axes = _axes(figure, height, above, panel.tall)
        figure.text(4 / WIDTH, 1 - 13 / height, panel.title, fontsize=12, color=INK, va="center")
        _legend(figure, height, 33, rows)
        shown = [value for trace in panel.traces for value in trace.values]
        for trace in panel.traces:
            _line(axes, clock.x, trace.values, trace.color, trace.width)
        if panel.level is not None:
            shown.append(panel.level[0])
            axes.axhline(panel.level[0], color=INK, linewidth=1, linestyle=(0, (4, 3)))
        if panel.mark is not None:
            at = panel.mark[0]
            value = panel.traces[-1].values[at]
            if value is not None and math.isfinite(value):
                axes.plot(
                    [clock.x[at]],
                    [value],
                    "o",
                    markersize=10,
                    markerfacecolor="none",
                    markeredgecolor=ORANGE,
                    markeredgewidth=2,
                    clip_on=False,
                )
        _limits(axes, shown, zero=panel.zero)
        if panel.percent:
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
        _over_time(axes, clock)
        return to_svg(
            figure, f"{panel.title} over {clock.label}: {', '.join(text for row in rows for text, _, _ in row)}"
        )


def legend_of(panel: Panel) -> list[list[tuple[str, str, str]]]:
    """The rows of a panel's legend; none where one line needs no name."""
    words = [(trace.name, trace.color, "●") for trace in panel.traces if any(map(finite, trace.values))]
    if panel.mark is not None:
        words.append((panel.mark[1], ORANGE, "○"))
    if panel.level is not None:
        words.append((panel.level[1], INK, "- -"))
    return legend_rows(words) if len(words) > 1 else []


def draw_lines(curves: Curves, name: str) -> str | None:
    """A task's curves. name: makes the picture's ids differ from those of the page's others"""
    lines = [line for line in curves.lines if any(map(finite, line.y))]
    if not lines:
        return None
    indices = {id(line): place for place, line in enumerate(line for line in lines if not line.dashed)}
    colors = [SERIES[indices[id(line)] % len(SERIES)] if id(line) in indices else INK for line in lines]
    rows = legend_rows(
        [(line.name, color, "- -" if line.dashed else "●") for line, color in zip(lines, colors, strict=True)]
    )
    rows = rows if len(lines) > 1 else []
    above, tall = 30 + LEGEND * len(rows), 330.0 if curves.square else 220.0
    height = above + tall + 44
    with drawing(name):
        figure = Figure(figsize=(WIDTH / 72, height / 72))
        axes = _axes(figure, height, above, tall)
        figure.text(4 / WIDTH, 1 - 13 / height, curves.y_label, fontsize=11, color=MUTED, va="center")
        _legend(figure, height, 33, rows)
        for line, color in zip(lines, colors, strict=True):
            x = np.array(line.x, dtype=float)
            if line.low:
                axes.fill_between(x, line.low, line.high, color=color, alpha=0.18, linewidth=0)
            again = indices.get(id(line), 0) >= len(SERIES)  # its colour was there already
            _line(axes, line.x, line.y, color, 1.2 if line.dashed else 2.0, dashed=line.dashed or again)
        _limits(axes, [value for line in lines for value in (*line.y, *line.low, *line.high)], zero=False)
        axes.set_xlabel(curves.x_label)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        if curves.square:
            both = [value for line in lines for value in (*line.x, *line.y) if finite(value)]
            room = 0.03 * ((max(both) - min(both)) or 1.0)
            axes.set_xlim(min(both) - room, max(both) + room)
            axes.set_ylim(min(both) - room, max(both) + room)
            axes.set_aspect("equal")
            axes.grid(axis="x")
        return to_svg(
            figure, f"{curves.title}: {curves.y_label} over {curves.x_label}, {', '.join(line.name for line in lines)}"
        )


def finite(value: float | None) -> bool:
    """Whether it is a number that can be drawn."""
    return value is not None and math.isfinite(value)


def legend_rows(words: Sequence[tuple[str, str, str]]) -> list[list[tuple[str, str, str]]]:
    """Entries (text, colour, mark) in rows that fit the width; one that is too long alone is cut."""
    rows: list[list[tuple[str, str, str]]] = []
    used = WIDTH
    for text, color, mark in words:
        text = shorten(text, 11, WIDTH - 34)
        wide = 34 + text_width(text, 11)
        if used + wide > WIDTH:
            rows.append([])
            used = 0.0
        rows[-1].append((text, color, mark))
        used += wide
    return rows


def _legend(figure: Figure, height: float, top: float, rows: Sequence[Sequence[tuple[str, str, str]]]) -> None:
    for number, row in enumerate(rows):
        y, left = 1 - (top + LEGEND * number) / height, 4.0
        for text, color, mark in row:
            figure.text(left / WIDTH, y, mark, fontsize=11, color=color, va="center")
            figure.text((left + 18) / WIDTH, y, text, fontsize=11, va="center")
            left += 34 + text_width(text, 11)


def _axes(figure: Figure, height: float, top: float, tall: float) -> Axes:
    box = (LEFT / WIDTH, 1 - (top + tall) / height, (WIDTH - LEFT - RIGHT) / WIDTH, tall / height)
    axes = figure.add_axes(box)
    axes.grid(axis="y")
    axes.spines["left"].set_visible(False)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_major_locator(MaxNLocator(6 if tall > 120 else 3, steps=ROUND))
    return axes


def _line(
    axes: Axes, x: Sequence[float], values: Sequence[float | None], color: str, width: float, *, dashed: bool = False
) -> None:
    kept = [(at, value) for at, value in zip(x, values, strict=True) if value is not None and math.isfinite(value)]
    style = (0, (4, 3)) if dashed else "solid"
    axes.plot([at for at, _ in kept], [value for _, value in kept], color=color, linewidth=width, linestyle=style)
    if len(kept) < FEW and not dashed:
        axes.plot([at for at, _ in kept], [value for _, value in kept], "o", color=color, markersize=2 * width)


def _limits(axes: Axes, values: Sequence[float | None], *, zero: bool) -> None:
    """Limits around the finite values with some room; a log scale over more than two decades."""
    kept = [value for value in values if value is not None and math.isfinite(value)]
    low, high = min([0.0, *kept]) if zero else min(kept), max(kept)
    if low > 0 and high / low > 100:
        axes.set_yscale("log")
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.set_ylim(low / 1.2, high * 1.2)
        return
    span = high - low if high > low else max(abs(high), 1.0)
    axes.set_ylim(low - 0.1 * span, high + 0.07 * span)


def _over_time(axes: Axes, clock: Clock) -> None:
    x = clock.x
    span = max(x) - min(x)
    axes.set_xlim(*((min(x) - 0.02 * span, max(x) + 0.02 * span) if span > 0 else (x[0] - 1, x[0] + 1)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=ROUND))
    _in_margin(axes, clock.label, 0, -6, "top")
    if not clock.more:
        return
    top = axes.secondary_xaxis("top", functions=(_between(x, clock.more), _between(clock.more, x)))
    top.spines["top"].set_visible(False)
    top.tick_params(length=0, labelcolor=MUTED)
    top.xaxis.set_major_locator(MaxNLocator(5, steps=ROUND))
    top.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    _in_margin(axes, clock.more_label, 1, 4, "bottom")


def _in_margin(axes: Axes, words: str, y: float, lift: float, anchor: str) -> None:
    """The unit of an axis, to the left of its numbers."""
    axes.annotate(
        words,
        (0, y),
        (-8, lift),
        xycoords="axes fraction",
        textcoords="offset points",
        ha="right",
        va=anchor,
        fontsize=11,
        color=MUTED,
    )


def _between(here: Sequence[float], there: Sequence[float]) -> Callable[[ArrayLike], ArrayLike]:
    """From places on one axis to those on the other; past the ends it goes on as it went there."""
    a, b = np.array(here, dtype=float), np.array(there, dtype=float)

    def at(indices: ArrayLike) -> ArrayLike:
        values = np.asarray(indices, dtype=float)
        slope = (b[-1] - b[0]) / (a[-1] - a[0])
        before, after = b[0] + (values - a[0]) * slope, b[-1] + (values - a[-1]) * slope
        found: ArrayLike = np.where(values < a[0], before, np.where(values > a[-1], after, np.interp(values, a, b)))
        return found

    return at
