"""What a finished run comes to, in words: whether it beats its baselines, and what would help it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from recurra.report import record
from recurra.report.best import Scored, best_baseline
from recurra.report.metric import Metric, find
from recurra.report.numbers import write_number
from recurra.training.checkpoint import Counters
from recurra.training.history import Point

RISEN = 0.02
"""A validation loss that ends this share above its best one overfits."""
FALLING = 0.01
"""One that fell by this share in the last part of the run, and is the best at its end, is still improving."""
LAST_PART = 0.2
BUDGETS = (1, 2, 5, 10, 20, 30, 60, 120, 240, 480)
"""Minutes that are suggested."""
LONGER = 3
"""Times the training so far."""


@dataclass(frozen=True)
class Verdict:
    """A run beside its best baseline. metric: the one they are compared by; words: for people"""

    metric: str
    baseline: str
    outcome: Literal["better", "equal", "worse"]
    words: str

    def for_report(self) -> record.Verdict:
        """As the report holds it."""
        return record.Verdict(self.outcome, self.words)


def headline(scores: Mapping[str, float], rows: Sequence[Metric], baselines: Sequence[Scored] = ()) -> str | None:
    """The metric that a run is known by: the first that a baseline has too, else the first with a direction."""
    known = [name for name in scores if name != "loss" and find(rows, name).better is not None]
    shared = (name for name in known if any(_is_number(other.metrics.get(name)) for other in baselines))
    return next(shared, known[0] if known else None)


def verdict(scores: Mapping[str, float], rows: Sequence[Metric], baselines: Sequence[Scored]) -> Verdict | None:
    """The run beside its best baseline, as in "accuracy 2.3 points above naive Bayes"; None if there is none.

    rows: what the scores are
    """
    name = headline(scores, rows, baselines)
    if name is None:
        return None
    metric, value = find(rows, name), scores[name]
    best = best_baseline(metric, baselines)
    if best is None or not math.isfinite(value):
        return None
    if metric.same(value, best[1]):
        return Verdict(name, best[0], "equal", f"{metric.short} no better than {best[0]}")
    better = metric.beats(value, best[1])
    distance = metric.distance(value, best[1]).replace("\u00a0", " ")
    words = f"{metric.short} {distance} {_place(metric, better)} {best[0]}"
    return Verdict(name, best[0], "better" if better else "worse", words)


def advice(
    points: Sequence[Point], seconds: float, ended: str, outcome: Literal["better", "equal", "worse"] | None
) -> str | None:
    """What would help a run: None for one that beats its baselines and neither overfits nor is still improving.

    points: its evaluations; seconds: of training; ended: "budget", "patience" or "callback"
    """
    losses = [(point.validation_loss, point) for point in points if point.validation_loss is not None]
    longer = f"--minutes {more_minutes(seconds)}"
    if losses and (risen := _overfits(losses)) is not None:
        return risen
    if losses and ended != "patience" and _is_improving(losses):
        return f"still improving at the end; train longer: {longer}"
    if outcome in (None, "better"):
        return None
    if ended == "patience":
        return "it had stopped improving: try a larger --hidden-size, a lower --learning-rate or more data"
    return f"train longer: {longer}"


def more_minutes(seconds: float) -> int:
    """A round budget of some times the training so far."""
    return next((budget for budget in BUDGETS if 60 * budget >= LONGER * seconds), math.ceil(LONGER * seconds / 60))


def _overfits(losses: Sequence[tuple[float, Point]]) -> str | None:
    low, best = min(losses, key=lambda each: each[0])
    last, end = losses[-1]
    if end is best or last <= low + RISEN * abs(low):
        return None
    return (
        f"it overfits: the validation loss was {write_number(low)} at epoch {best.epoch:.3g} and is "
        f"{write_number(last)} at the end; more data, a higher --dropout or a smaller --hidden-size help"
    )


def _is_improving(losses: Sequence[tuple[float, Point]]) -> bool:
    last, end = losses[-1]
    before = [loss for loss, point in losses if point.seconds <= (1 - LAST_PART) * end.seconds]
    return bool(before) and last <= min(loss for loss, _ in losses) and last < (1 - FALLING) * min(before)


def _place(metric: Metric, better: bool) -> str:
    if metric.better == "higher":
        return "above" if better else "below"
    return "better than" if better else "worse than"


def _is_number(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def about_average(counters: Counters) -> list[str]:
    """What is said if the weights that are kept are an average."""
    kept = counters.points[counters.best_point] if counters.best_point is not None else None
    if kept is None or kept.plain_loss is None:
        return []
    return [
        f"the weights are their average over about the last tenth of the steps up to the best evaluation: validation "
        f"loss {kept.validation_loss:.4f}, {kept.plain_loss:.4f} without averaging"
    ]
