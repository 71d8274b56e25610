"""When a run is evaluated, what is noted of it, and when the run is over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from recurra.training.checkpoint import Counters
from recurra.training.history import Point
from recurra.training.schedule import Stopwatch
from recurra.training.settings import TrainingSettings
from recurra.training.trainee import Limitable, Trainee

EVALUATIONS = 10
"""A run is evaluated after every epoch, but not more than twice as often as this and not less often."""
WORTH = 10
"""By the clock, an evaluation comes only after so many times as much training as it takes itself, and its writing."""

EVALUATION_SHARE = 0.1
"""By the clock, of the training between two evaluations: what they may take."""
LIMITED_AT = 1 / (4 * EVALUATIONS)
"""Share of a run after which it is known how fast it is."""

WRITTEN = 2
"""Times that a run is written after its last step: as it was left, and with its report."""
BYTES, BARE, SPEED = 32, 8, 2e8
"""Written and read again of a weight with two states of its optimizer, and of a weight alone; in a second, before that
was measured."""

EARLY = 5
"""Evaluations without a better one, from which a run may be over before its budget is."""
RISEN, RISEN_CLOCK = 0.02, 0.2
"""Shares of the lowest validation loss."""


class EvaluationPolicy:
    """When to evaluate. units: what that an evaluation looks at; writing: seconds that the run takes to write after it,
    before that was measured"""

    def __init__(self, settings: TrainingSettings, units: int, watch: Stopwatch, writing: float) -> None:
        self.by_clock, self.evaluation_units, self.watch = settings.minutes is not None, units, watch
        self.evaluated_at = watch.before
        self.takes: float | None = None
        self.writing = writing
        """Seconds."""
        self.limited = not self.by_clock

    def limit(self, trainee: Trainee, counters: Counters, seconds: float, units: int, *, times: int) -> None:
        """Have evaluations look at no more than what costs EVALUATION_SHARE of the training between two of them.

        seconds: of the whole training; units: trained on since the process began; times: that each is evaluated
        """
        self.limited = True
        if not isinstance(trainee, Limitable):
            return
        if counters.evaluation_units is None:
            reads = 3 * units / max(self.watch.here(), 1e-9)  # forward is about a third of a training step
            affordable = int(EVALUATION_SHARE * seconds / EVALUATIONS * reads / times)
            if affordable >= self.evaluation_units:
                return
            counters.evaluation_units = affordable
        counters.evaluation_units = self.evaluation_units = trainee.limit_evaluation(counters.evaluation_units)

    def due(self, share: float, counters: Counters, *, epoch_over: bool, units: int) -> bool:
        """Whether to evaluate now. share: of the run that lies behind; units: trained on since the process began"""
        since = share - counters.evaluated_at + 1e-9  # 0.3 - 0.2 is less than 0.1
        due = since >= 1 / EVALUATIONS or (epoch_over and since >= 1 / (2 * EVALUATIONS))
        return share >= 1 or (due and (not self.by_clock or self._worth_it(units)))

    def _worth_it(self, units: int) -> bool:
        """Whether the training since the last evaluation is long enough beside what an evaluation takes."""
        return self.watch.seconds() - self.evaluated_at >= WORTH * (self._expected(units) + self.writing)

    def _expected(self, units: int) -> float:
        """Seconds that an evaluation takes."""
        if self.takes is not None:
            return self.takes
        return self.evaluation_units / max(units, 1) * self.watch.here() / 3  # forward is about a third of a step

    def evaluated(self, begun: float) -> None:
        """An evaluation has just ended. begun: when it began. Units: seconds of the run"""
        self.evaluated_at = self.watch.seconds()
        self.takes = self.evaluated_at - begun

    def written(self) -> None:
        """The run has just been written; the clock of several processes stands meanwhile, and how long is not known."""
        begun, self.evaluated_at = self.evaluated_at, self.watch.seconds()
        self.writing = self.evaluated_at - begun or self.writing

    def after_the_last_step(self, units: int) -> float:
        """Seconds that a run by the clock takes then, going by those before. units: as for `due`"""
        return self._expected(units) + WRITTEN * self.writing


def writing(weights: int, speed: float = SPEED, *, each: int = BYTES) -> float:
    """Seconds that a run of so many weights takes to write once. speed: bytes a second; each: bytes of a weight"""
    return weights * each / speed


def overfits(counters: Counters, settings: TrainingSettings) -> bool:
    """Whether a run gets worse and worse: EARLY evaluations without a better one, and all their losses higher than the
    lowest one by RISEN, by RISEN_CLOCK where minutes were asked for."""
    if counters.worse < EARLY:
        return False
    losses = [point.validation_loss for point in counters.points if point.validation_loss is not None]
    risen = RISEN if settings.minutes is None else RISEN_CLOCK
    lowest = min(losses)
    return min(losses[-EARLY:]) > lowest + risen * abs(lowest)


def noted(counters: Counters, point: Point, rank: list[float], share: float) -> bool:
    """Enter an evaluation into the counters; returns whether it is the best one so far."""
    counters.evaluated_at, counters.seconds = share, point.seconds
    counters.loss_sum, counters.units, counters.norm_sum, counters.steps = 0.0, 0, 0.0, 0
    counters.points.append(point)
    better = counters.best_rank is None or rank < counters.best_rank
    counters.worse = 0 if better else counters.worse + 1
    if better:
        counters.best_rank, counters.best_point = rank, len(counters.points) - 1
    return better


def point_of(
    counters: Counters,
    metrics: Mapping[str, float],
    *,
    epoch: float,
    seconds: float,
    rate: float,
    plain_loss: float | None = None,
) -> Point:
    """An evaluation as the history keeps it. rate: the learning rate of the last step; plain_loss: see Point"""
    return Point(
        epoch=epoch,
        step=counters.step,
        seconds=seconds,
        train_loss=counters.loss_sum / counters.units if counters.units else None,
        validation_loss=metrics["loss"],
        validation_metrics={k: v for k, v in metrics.items() if k != "loss"},
        learning_rate=rate,
        gradient_norm=counters.norm_sum / counters.steps if counters.steps else None,
        plain_loss=plain_loss,
    )


def over(counters: Counters, settings: TrainingSettings) -> Literal["budget", "patience"] | None:
    """How the run has ended, if it was evaluated just now and has; so had a resumed one that was stopped then."""
    if not counters.points or counters.points[-1].step != counters.step:
        return None
    patience = settings.patience
    if overfits(counters, settings) if patience is None else 0 < patience <= counters.worse:
        return "patience"
    return "budget" if counters.evaluated_at >= 1 else None
