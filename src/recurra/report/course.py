"""The course of a training: its curves, and in words why these weights were kept."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace

from recurra.report.best import best_baseline
from recurra.report.curves import Clock, Panel, Trace, draw_panel, finite, legend_of
from recurra.report.lettering import shorten
from recurra.report.metric import PERCENT, Metric, find
from recurra.report.numbers import write_count, write_number, write_seconds
from recurra.report.record import RunRecord
from recurra.report.svg import BLUE, GREY, MUTED
from recurra.training.history import Point


def draw_course(record: RunRecord) -> list[str]:
    """The loss, the metric beside it, learning rate and gradient norm, as far as they were measured."""
    if not record.history:
        return []
    clock = clock_of(record.history)
    best = place_of_best(record)
    panels = [panel for panel in (_loss(record, best), _metric(record, best)) if panel is not None]
    rows = max(len(legend_of(panel)) for panel in panels)
    panels = [replace(panel, legend_rows=rows) for panel in panels]
    for title, values, zero in (
        ("Learning rate", [point.learning_rate for point in record.history], True),
        ("Gradient norm, mean before clipping", [point.gradient_norm for point in record.history], False),
    ):
        panels.append(Panel(title, [Trace(title, values, MUTED, 1.4)], tall=70, zero=zero))
    drawn = [draw_panel(panel, clock, f"course-{i}") for i, panel in enumerate(panels)]
    return [svg for svg in drawn if svg is not None]


def clock_of(history: Sequence[Point]) -> Clock:
    """Epochs below and the time that they took above; steps where epochs do not rise."""
    epochs = [point.epoch for point in history]
    if not _rise(epochs) and len(epochs) > 1:
        return Clock("steps", [float(point.step) for point in history])
    seconds = [point.seconds for point in history]
    if len(history) < 2 or not _rise(seconds):
        return Clock("epochs", epochs)
    last = max(seconds)
    unit, size = ("seconds", 1) if last < 180 else ("minutes", 60) if last < 3 * 3600 else ("hours", 3600)
    return Clock("epochs", epochs, [value / size for value in seconds], unit)


def why_kept(record: RunRecord) -> list[str]:
    """Sentences: which weights were kept, by what, and how the training ended."""
    place = place_of_best(record)
    if place is None:
        return [record.ended] if record.ended else []
    best, count = record.history[place], len(record.history)
    words = f"The weights kept are those of epoch {best.epoch:.4g} (step {write_count(best.step)}"
    words += f", after {write_seconds(best.seconds)})" if finite(best.seconds) and best.seconds > 0 else ")"
    chosen = [(find(record.metric_rows, name), _score(best, name)) for name in record.chosen_by]
    known = [(row, value) for row, value in chosen if value is not None]
    if known and count > 1:
        row, value = known[0]
        words += f": of {count} evaluations this one had the {_best(row)} validation {row.noun}, {row.write(value)}"
        words += f"; between equals the {known[1][0].noun} decides" if len(known) > 1 else ""
    elif count == 1:
        words += ", the only ones that were evaluated"
    found = [words + "."]
    lost, last = best.validation_loss, record.history[-1].validation_loss
    if place < count - 1 and lost is not None and last is not None and last > 1.02 * lost:
        found.append(
            f"The validation loss was {write_number(lost)} then and {write_number(last)} at the end: "
            "the later weights fit the training part better and new data worse."
        )
    return [*found, *([record.ended] if record.ended else [])]


def place_of_best(record: RunRecord) -> int | None:
    """Where in the history the weights were kept."""
    return record.history.index(record.best) if record.best in record.history else None


def _best(row: Metric) -> str:
    return {"higher": "highest", "lower": "lowest"}.get(row.better or "", "best")


def _score(point: Point, name: str) -> float | None:
    value = point.validation_loss if name == "loss" else point.validation_metrics.get(name)
    return value if finite(value) else None


def _rise(values: Sequence[float]) -> bool:
    rises = all(a < b for a, b in itertools.pairwise(values))
    return all(map(math.isfinite, values)) and rises and values[-1] > 0


def _loss(record: RunRecord, best: int | None) -> Panel:
    row = find(record.metric_rows, "loss")
    history = record.history
    traces = [
        Trace("training", [point.train_loss for point in history], GREY, 1.8),
        Trace("validation", [point.validation_loss for point in history], BLUE),
    ]
    mark = None
    if best is not None and finite(history[best].validation_loss):
        mark = best, f"kept: {write_number(history[best].validation_loss)}"
    return Panel(row.heading, traces, mark=mark, level=_level(record, [r for r in record.metric_rows if _same(r, row)]))


def _same(row: Metric, loss: Metric) -> bool:
    """Whether a metric is the loss under another name."""
    return row.unit == loss.unit and row.unit not in ("", PERCENT) and row.better == "lower"


def _metric(record: RunRecord, best: int | None) -> Panel | None:
    """The metric of the headline over the training, if it is measured there and says other than the loss."""
    history = record.history
    loss = find(record.metric_rows, "loss")
    for name in dict.fromkeys([*record.metrics, *record.chosen_by]):
        row = find(record.metric_rows, name)
        values = [point.validation_metrics.get(name) for point in history]
        if row.better is None or _same(row, loss) or not any(map(finite, values)):
            continue
        mark = (best, f"kept: {row.write(values[best])}") if best is not None and finite(values[best]) else None
        traces = [Trace("validation", values, BLUE)]
        return Panel(row.heading, traces, mark=mark, level=_level(record, [row]), percent=row.unit == PERCENT)
    return None


def _level(record: RunRecord, rows: Sequence[Metric]) -> tuple[float, str] | None:
    """The best baseline by one of these metrics, to draw beside the curve."""
    for row in rows:
        found = best_baseline(row, record.baselines)
        if found is not None:
            name, value = found
            return value, f"{shorten(name, 11, 200)} ({record.evaluated_on}) {row.write(value)}"
    return None
