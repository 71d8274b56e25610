"""What a run went through."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Point:
    """One evaluation.

    Units: seconds of training, losses in nats per unit of the task, learning_rate of the last step, gradient_norm the
    mean before clipping since the point before.
    """

    epoch: float
    step: int
    seconds: float
    train_loss: float | None = None
    validation_loss: float | None = None
    validation_metrics: dict[str, float] = field(default_factory=dict)
    learning_rate: float | None = None
    gradient_norm: float | None = None
    plain_loss: float | None = None
    """Of the weights as they stood, where the scores are those of their running average."""


@dataclass(frozen=True)
class Tick:
    """One step. Units: share of the run, units (tokens, examples) per second, nats per unit, seconds

    ends_epoch: whether it is the last one of a pass over the training part
    """

    epoch: float
    step: int
    share: float
    loss: float
    rate: float
    seconds: float
    seconds_left: float
    ends_epoch: bool = False


class Progress(Protocol):
    """What watches a run. If it has a method `enough`, that is asked after each step, see `asked_to_end`."""

    def tick(self, tick: Tick) -> None: ...

    def point(self, point: Point, best: bool) -> None: ...

    def evaluating(self) -> AbstractContextManager[None]:
        """Entered while an evaluation goes on."""


def asked_to_end(progress: Progress) -> bool:
    """Whether what watches wants no more training; it says so once."""
    enough: Callable[[], bool] | None = getattr(progress, "enough", None)
    return enough is not None and enough()


class Silent:
    """Watches and says nothing."""

    def tick(self, tick: Tick) -> None:
        return None

    def point(self, point: Point, best: bool) -> None:
        return None

    def evaluating(self) -> AbstractContextManager[None]:
        return nullcontext()


def csv_of(points: Sequence[Point]) -> bytes:
    """The evaluations as a table in CSV, a row each; what is not known is empty."""
    names = list(dict.fromkeys(name for point in points for name in point.validation_metrics))
    first, last = ("epoch", "step", "seconds", "train_loss", "validation_loss"), ("learning_rate", "gradient_norm")
    file = io.StringIO()
    table = csv.writer(file, lineterminator="\n")
    table.writerow([*first, *names, *last])
    for point in points:
        scores = [point.validation_metrics.get(name) for name in names]
        table.writerow([*(getattr(point, n) for n in first), *scores, *(getattr(point, n) for n in last)])
    return file.getvalue().encode()


Clock = Callable[[], float]
