"""Runs that stop being numbers, or end far above where they began."""

from __future__ import annotations

from recurra.errors import DivergedError
from recurra.training.checkpoint import Counters
from recurra.training.settings import TrainingSettings

WORSE = 2.0
"""Times the loss of the untrained network: what no evaluation came below was no learning."""
FLOOR = 0.5
"""Nats above it that say nothing yet."""
USUAL = 0.01
"""A learning rate that is worth a try after one that was far too high."""


def diverged(what: str, step: int, rate: float, settings: TrainingSettings) -> DivergedError:
    """The error of a loss or gradient that is no number. rate: the learning rate of that step"""
    lower = f"try a lower learning rate ({settings.learning_rate / 10:g})"
    clipped = settings.clip_norm is not None or settings.clip_value is not None
    return DivergedError(
        f"the {what} stopped being a number at step {step} (learning rate {rate:.2g}); "
        f"the weights of that step are not kept\n" + lower + ("" if clipped else ", or clip the gradient (clip_norm 1)")
    )


def never_learned(counters: Counters, settings: TrainingSettings) -> str | None:
    """What to say of a run whose every evaluation was far worse than the network before its first step; else None."""
    before = counters.untrained_loss
    if before is None or not counters.points:
        return None
    best = min(point.validation_loss for point in counters.points if point.validation_loss is not None)
    if best <= WORSE * before + FLOOR:
        return None
    return (
        f"training diverged: the best validation loss is {best:.4g}, that of the untrained network was {before:.4g}; "
        f"try a lower learning rate ({min(settings.learning_rate / 10, USUAL):g})"
    )
