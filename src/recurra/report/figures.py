"""The report's pictures of numbers: training curves, and the model beside its baselines.

Each function takes the record and returns one <svg> element, or None where there is nothing to draw.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from recurra.report.measures import LANGUAGE_LOSSES, measure, printable, write_number
from recurra.report.record import Baseline, RunRecord
from recurra.report.svg import BLUE, GREY, INK, LINE, MUTED, ORANGE, canvas, drawing, to_svg
from recurra.training.history import Point

_Axis = tuple[str, Callable[[Point], float]]


def text_width(text: str, size: float) -> float:
    """A guess, on the large side, at the width of `text` in the reader's font of `size` CSS pixels."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return size * (wide + 0.57 * (len(text) - wide))


def shorten(text: str, size: float, width: float) -> str:
    """`text` on one line, cut with an ellipsis where it would be wider than `width`."""
    text = " ".join(printable(text).split())
    if text_width(text, size) <= width:
        return text
    while text and text_width(text + "…", size) > width:
        text = text[:-1]
    return text + "…"


def draw_curves(record: RunRecord) -> str | None:
    """Losses over time, the best epoch marked; below them learning rate and gradient norm if measured."""
    if not record.history:
        return None
    history = record.history
    label, position = _axis(history)
    panels = [
        (name, values)
        for name, values in (
            ("learning rate", [point.learning_rate for point in history]),
            ("gradient norm", [point.gradient_norm for point in history]),
        )
        if any(map(_finite, values))
    ]
    with drawing("curves"):
        height = 330 + 82 * len(panels)
        figure = Figure(figsize=(560 / 72, height / 72))
        all_axes = [_panel(figure, height, 34, 250)]
        all_axes += [_panel(figure, height, 318 + 82 * index, 54) for index in range(len(panels))]
        x = [position(point) for point in history]
        _losses(all_axes[0], record, x, position)
        for axes, (name, values) in zip(all_axes[1:], panels, strict=True):
            _line(axes, x, values, MUTED, 1.2)
            axes.set_title(name, loc="left", fontsize=10, color=MUTED, pad=5)
            _limits(axes, values, room=0.08, zero=name == "learning rate")
            axes.yaxis.set_major_locator(MaxNLocator(2))
        for axes in all_axes:
            span = max(x) - min(x)
            axes.set_xlim(*((min(x) - 0.02 * span, max(x) + 0.02 * span) if span > 0 else (x[0] - 1, x[0] + 1)))
            axes.tick_params(labelbottom=axes is all_axes[-1])
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        all_axes[-1].set_xlabel(label)
        return to_svg(figure, f"Training and validation loss over {label}")


def _axis(history: Sequence[Point]) -> _Axis:
    """Time where it was measured, in the unit that fits; otherwise steps."""
    seconds = [point.seconds for point in history]
    if all(map(math.isfinite, seconds)) and max(seconds) > 0 and seconds == sorted(seconds):
        last = max(seconds)
        unit, size = ("seconds", 1) if last < 180 else ("minutes", 60) if last < 3 * 3600 else ("hours", 3600)
        return f"{unit} of training", lambda point: point.seconds / size
    return "steps", lambda point: float(point.step)


def _panel(figure: Figure, height: float, top: float, tall: float) -> Axes:
    axes = figure.add_axes((58 / 560, 1 - (top + tall) / height, 486 / 560, tall / height))
    axes.grid(axis="y")
    axes.spines["left"].set_visible(False)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    return axes


def _finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _line(axes: Axes, x: Sequence[float], values: Sequence[float | None], color: str, width: float) -> None:
    kept = [(at, value) for at, value in zip(x, values, strict=True) if value is not None and math.isfinite(value)]
    axes.plot([at for at, _ in kept], [value for _, value in kept], color=color, linewidth=width)
    if len(kept) < 40:
        axes.plot([at for at, _ in kept], [value for _, value in kept], "o", color=color, markersize=2 * width)


def _limits(axes: Axes, values: Sequence[float | None], room: float, zero: bool = False) -> None:
    """Limits around the finite values with `room` on both sides; a log scale over more than two decades."""
    kept = [value for value in values if value is not None and math.isfinite(value)]
    if not kept:
        return
    low, high = min([0.0, *kept]) if zero else min(kept), max(kept)
    if low > 0 and high / low > 100:
        axes.set_yscale("log")
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.set_ylim(low / 1.2, high * 1.2)
        return
    span = high - low if high > low else max(abs(high), 1.0)
    axes.set_ylim(low - room * span, high + room * span)


def _losses(axes: Axes, record: RunRecord, x: Sequence[float], position: Callable[[Point], float]) -> None:
    train = [point.train_loss for point in record.history]
    validation = [point.validation_loss for point in record.history]
    _line(axes, x, train, GREY, 1.8)
    _line(axes, x, validation, BLUE, 2.0)
    shown = [*train, *validation]
    legend = [("●", "training", GREY)] if any(map(_finite, train)) else []
    legend += [("●", "validation", BLUE)] if any(map(_finite, validation)) else []
    baseline = _best_baseline(record)
    if baseline is not None:
        name, value = baseline
        shown.append(value)
        axes.axhline(value, color=INK, linewidth=1, linestyle=(0, (4, 3)))
        words = f"{shorten(name, 10.5, 200)} ({printable(record.evaluated_on)}) {write_number(value)}"
        axes.annotate(words, (1, value), (-2, 4), xycoords=axes.get_yaxis_transform(),
                      textcoords="offset points", ha="right", va="bottom", fontsize=10.5,
                      parse_math=False)  # fmt: skip
    best = record.best
    if best is not None and best.validation_loss is not None and math.isfinite(best.validation_loss):
        at, loss = position(best), best.validation_loss
        shown.append(loss)
        axes.plot(
            [at],
            [loss],
            "o",
            markersize=10,
            markerfacecolor="none",
            markeredgecolor=ORANGE,
            markeredgewidth=2,
        )
        legend.append(("○", f"weights kept: {write_number(loss)} at epoch {best.epoch:.4g}", ORANGE))
    _limits(axes, shown, room=0.06)
    left = 0.0
    for mark, words, color in legend:
        axes.annotate(mark, (0, 1), (left, 14), xycoords="axes fraction", textcoords="offset points",
                      va="center", fontsize=10, color=color)  # fmt: skip
        axes.annotate(words, (0, 1), (left + 14, 14), xycoords="axes fraction", textcoords="offset points",
                      va="center", fontsize=11)  # fmt: skip
        left += 32 + text_width(words, 11)
    units = [measure(name).label.lower() for name in LANGUAGE_LOSSES if name in record.metrics] or ["nats per token"]
    unit = {"language": units[0], "fill": "nats per blank"}.get(record.task, "nats per example")
    axes.set_ylabel(f"loss, {unit}", fontsize=10)


def _best_baseline(record: RunRecord) -> tuple[str, float] | None:
    """For language, the best baseline in the unit of the curves."""
    if record.task != "language":
        return None
    scores = [
        (baseline.metrics[name], baseline.name)
        for baseline in record.baselines
        for name in LANGUAGE_LOSSES
        if _finite(baseline.metrics.get(name))
    ]
    return min(scores)[::-1] if scores else None


def draw_comparison(record: RunRecord) -> str | None:
    """The model's most important metric beside that of every baseline that has it, as bars from zero."""
    name = next((name for name in record.metrics if any(name in item.metrics for item in record.baselines)), None)
    if name is None:
        return None
    shown = measure(name)
    rows = [Baseline("this model", {name: record.metrics[name]}), *record.baselines]
    bars = [(shorten(row.name, 12, 210), row.metrics[name]) for row in rows if name in row.metrics]
    largest = max((value for _, value in bars if math.isfinite(value)), default=0.0)
    scale = 1.0 if shown.written == "percent" else largest
    left = max(text_width(words, 12) for words, _ in bars) + 12
    width, right = 480.0, 70.0
    with drawing("comparison"):
        figure, axes = canvas(width, 34 + 30 * len(bars))
        direction = f", {shown.better} is better" if shown.better else ""
        axes.text(0, 14, f"{shown.label}{direction}", fontsize=11, va="center", color=MUTED, parse_math=False)
        for index, (words, value) in enumerate(bars):
            y, model = 46 + 30 * index, index == 0
            length = (width - left - right) * value / scale if _finite(value) and scale > 0 and value > 0 else 0.0
            axes.barh([y], [width - left - right], 16, left, color=LINE, alpha=0.45)
            axes.barh([y], [length], 16, left, color=BLUE if model else GREY)
            weight = "bold" if model else "normal"
            axes.text(left - 10, y, words, ha="right", va="center", fontsize=12, weight=weight, parse_math=False)
            axes.text(width - right + 8, y, shown.write(value), va="center", fontsize=12, weight=weight)
        axes.set_xlim(0, width)
        axes.set_ylim(34 + 30 * len(bars), 0)
        return to_svg(figure, f"{shown.label} of the model and of its baselines")
