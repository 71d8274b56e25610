"""What a run went through."""

from __future__ import annotations

from collections.abc import Callable
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


@dataclass(frozen=True)
class Tick:
    """One step. Units: share of the run, units (tokens, examples) per second, nats per unit, seconds"""

    epoch: float
    step: int
    share: float
    loss: float
    rate: float
    seconds: float
    seconds_left: float


class Progress(Protocol):
    """What watches a run."""

    def tick(self, tick: Tick) -> None: ...

    def point(self, point: Point, best: bool) -> None: ...

    def evaluating(self) -> AbstractContextManager[None]:
        """Entered while an evaluation goes on."""


class Silent:
    """Watches and says nothing."""

    def tick(self, tick: Tick) -> None:
        return None

    def point(self, point: Point, best: bool) -> None:
        return None

    def evaluating(self) -> AbstractContextManager[None]:
        return nullcontext()


Clock = Callable[[], float]
