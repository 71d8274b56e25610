"""How far a run is, and the learning rate there."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from recurra.training.settings import TrainingSettings

MOST_RESERVED = 0.5
"""Of the minutes, for what comes after the last step."""


@dataclass
class Budget:
    """The length of a run: epochs, minutes, or whichever ends first.

    reserved: seconds of the minutes that are for what comes after the last step, see `reserve`
    """

    epochs: float | None
    minutes: float | None
    reserved: float = 0.0

    def reserve(self, seconds: float) -> None:
        """The last evaluation, and what is written then, take so long, as is known by now."""
        self.reserved = min(seconds, MOST_RESERVED * 60 * (self.minutes or 0.0))

    def share(self, epochs: float, seconds: float) -> float:
        """How much of the run lies behind, from 0 to 1. Units: epochs done, seconds trained"""
        by_epochs = epochs / self.epochs if self.epochs else 0.0
        by_time = seconds / (60 * self.minutes - self.reserved) if self.minutes else 0.0
        return min(1.0, max(by_epochs, by_time))

    def seconds_left(self, epochs: float, seconds: float) -> float:
        """Until what ends first; infinity while nothing is known. Units: epochs done, seconds trained"""
        by_time = 60 * self.minutes - self.reserved - seconds if self.minutes else math.inf
        by_epochs = (self.epochs - epochs) * seconds / epochs if self.epochs and epochs > 0 else math.inf
        return max(0.0, min(by_time, by_epochs))


def learning_rate(share: float, settings: TrainingSettings) -> float:
    """The learning rate when `share` of the run lies behind.

    Maths: rises linearly over the warm-up; then constant, or half a cosine down to a hundredth.
    Source: Loshchilov & Hutter 2017, SGDR (one cycle)
    """
    top = settings.learning_rate
    if share < settings.warmup:
        return top * max(share / settings.warmup, 0.01)
    if settings.schedule == "constant":
        return top
    along = (share - settings.warmup) / (1 - settings.warmup)
    return top * (0.01 + 0.99 * (1 + math.cos(math.pi * along)) / 2)


class Stopwatch:
    """Seconds of training, with those before a resumption. before: what these were, from earlier processes"""

    def __init__(self, clock: Callable[[], float], before: float) -> None:
        self.clock, self.before = clock, before
        self.started = clock() - before

    def seconds(self) -> float:
        """Of the whole run."""
        return self.clock() - self.started

    def here(self) -> float:
        """Of this process."""
        return self.seconds() - self.before
