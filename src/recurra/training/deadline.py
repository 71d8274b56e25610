"""The time that a command was given, and where it goes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

FOR_TRAINING = 0.8
"""Of the whole command, at least."""
FOR_BASELINES = 0.1
FOR_SCORES = 0.02
"""For the scores on the part that is held out, at least."""
FOR_FINISHING = 0.05
"""For what some tasks do to a network after its training, such as to add a linear skip."""
REPORT = 3.0
"""Seconds that a report takes to draw and write, for one who has a processor."""
CROWDED = 4.0
"""Times as long it may take, at most, where others work on the processors too."""
FOR_INSIDE, INSIDE = 0.03, 5.0
"""For looking into the model, for the report: of the whole command, at most so many seconds."""
OVERRUN, OVERRUN_SECONDS = 0.1, 5.0
"""The larger of them is how much longer a command may take than it was given."""
LEAST = 1.0
"""Seconds of training, however little is left."""


class Deadline:
    """Minutes of a whole command: reading, baselines, training, evaluation, report.

    minutes: None if nobody asked for any, and nothing is cut short then; begun: when the command was, on the clock;
    phases: the seconds that each took so far, by name; worked: seconds of processor that the process has had,
    of which nothing is known where only a clock is given.
    """

    def __init__(
        self,
        minutes: float | None,
        begun: float | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        worked: Callable[[], float] | None = None,
    ) -> None:
        self.total = math.inf if minutes is None else 60 * minutes
        self.clock = clock
        self.worked = time.process_time if worked is None and clock is time.monotonic else worked
        self.begun = clock() if begun is None else begun
        self.phases: dict[str, float] = {}
        self.finishing = False
        """Whether something is done between training and evaluation."""

    @property
    def set(self) -> bool:
        """Whether there is one."""
        return self.total < math.inf

    def left(self) -> float:
        """Seconds; infinity if there is none."""
        return self.total - (self.clock() - self.begun)

    def for_baselines(self) -> float:
        """Seconds that they may take."""
        return FOR_BASELINES * self.total

    def for_training(self) -> float:
        """Seconds, from now: what is left but for the end, or the share that training is promised if that can be."""
        if not self.set:
            return math.inf
        left = self.left() - self.after()
        if left < FOR_TRAINING * self.total:
            left = min(FOR_TRAINING * self.total, left + self.beyond())
        return max(left, LEAST)

    def beyond(self) -> float:
        """Seconds that one phase may take too many where it is worth it: half of what a command may."""
        return max(OVERRUN_SECONDS, OVERRUN * self.total) / 2

    def report(self) -> float:
        """Seconds that the report takes here, if the process gets as much of a processor as it did so far."""
        if not self.set or self.worked is None:
            return REPORT
        passed, worked = self.clock() - self.begun, self.worked()
        return REPORT * min(CROWDED, max(1.0, passed / worked)) if worked > 0 else REPORT

    def after(self) -> float:
        """Seconds for what comes after training."""
        return self.report() + self.share_after * self.total + self.for_inside()

    @property
    def share_after(self) -> float:
        """Of the whole, for what comes after training and before the report."""
        return FOR_SCORES + (FOR_FINISHING if self.finishing else 0.0)

    def for_finishing(self) -> float:
        """Seconds for what is done to a network after its training."""
        return FOR_FINISHING * self.total

    def for_inside(self) -> float:
        """Seconds for looking into the model."""
        return min(FOR_INSIDE * self.total, INSIDE)

    def spare(self) -> float:
        """Seconds, from now, that the report does not need."""
        return self.left() - self.report()

    def for_scores(self) -> float:
        """Seconds, from now."""
        return max(self.spare() - self.for_inside(), FOR_SCORES * self.total, LEAST / 2)

    def within(self, seconds: float, pieces: Iterable[T]) -> Iterator[T]:
        """As many of them as there is time for, the first at least."""
        ends = self.clock() + seconds
        for piece in pieces:
            yield piece
            if self.clock() > ends:
                return

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """What is done inside counts as this phase."""
        begun = self.clock()
        try:
            yield
        finally:
            self.phases[name] = self.phases.get(name, 0.0) + self.clock() - begun

    def shown(self) -> str:
        """Where the time went: `reading 1.2 s, training 48 s`."""
        return ", ".join(f"{name} {_seconds(value)}" for name, value in self.phases.items())


def _seconds(value: float) -> str:
    return f"{value:.1f} s" if value < 10 else f"{value:,.0f} s"
