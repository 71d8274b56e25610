"""The trials of a study: what is kept of one, how it is watched, how all of them are written."""

from __future__ import annotations

import csv
import io
import shlex
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recurra.api.progress import duration
from recurra.training.history import Point, Tick
from recurra.training.settings import TrainingSettings
from recurra.training.trainee import Trainee

STEPS = 20
"""Of a trial, at which it is compared with the others."""


@dataclass(frozen=True)
class Trial:
    """A training of a study.

    settings: those that were varied; status: "finished", "pruned" (worse than half of the others were by then),
    "cut" (the minutes were over) or "diverged"; rank: what trials are compared by on the validation part, the first
    number decides, lower is better, none if it was never evaluated; scores: of its best evaluation. Units: seconds
    """

    number: int
    settings: dict[str, Any]
    status: str
    rank: tuple[float, ...]
    scores: dict[str, float]
    epochs: float
    seconds: float

    @classmethod
    def read(cls, number: int, kept: Mapping[str, Any]) -> Trial:
        """Of what `kept` gave."""
        return cls(number, **{**kept, "rank": tuple(kept["rank"])})

    def kept(self) -> dict[str, Any]:
        """All but its number, as JSON has it."""
        return {name: value for name, value in vars(self).items() if name != "number"} | {"rank": list(self.rank)}

    def line(self) -> str:
        """What it has, and what came of it."""
        scores = ", ".join(f"{name} {value:.4f}" for name, value in list(self.scores.items())[:3]) or "never evaluated"
        status = "" if self.status == "finished" else f" ({self.status})"
        return f"{words(self.settings)}: {scores}, {duration(self.seconds)}{status}"


class PrunedError(Exception):
    """The trial is worse than half of the others were by then."""


class TimeOverError(Exception):
    """The minutes of all trials are over."""


class WatchedTrial:
    """What a training says while it goes on, and what ends it early. trial: of optuna; until: on time.monotonic"""

    def __init__(self, trial: Any, number: int, until: float, trainee: Trainee, training: TrainingSettings) -> None:
        self.trial, self.number, self.until = trial, number, until
        self.trainee, self.training = trainee, training
        self.rank: tuple[float, ...] = ()
        self.scores: dict[str, float] = {}
        self.epochs = 0.0
        self.reported = -1

    def tick(self, tick: Tick) -> None:
        """Errors: TimeOverError"""
        self.epochs = tick.epoch
        # where each has its own share of the minutes, none needs to be cut
        if self.training.minutes is None and time.monotonic() >= self.until:
            raise TimeOverError

    def point(self, point: Point, best: bool) -> None:
        """Errors: PrunedError"""
        assert point.validation_loss is not None
        scores = {"loss": point.validation_loss, **point.validation_metrics}
        rank = tuple(float(each) for each in self.trainee.rank(scores))
        if best:
            self.rank, self.scores = rank, scores
        self.epochs = point.epoch
        step = round(STEPS * min(self._share(point), 1.0))
        if step <= self.reported or step >= STEPS:
            return
        self.reported = step
        self.trial.report(self.rank[0], step)
        if self.number > 0 and self.trial.should_prune():  # the first has the task's own settings
            raise PrunedError

    def evaluating(self) -> AbstractContextManager[None]:
        return nullcontext()

    def _share(self, point: Point) -> float:
        if self.training.epochs is not None:
            return point.epoch / self.training.epochs
        assert self.training.minutes is not None
        return point.seconds / (60 * self.training.minutes)


def words(settings: Mapping[str, Any]) -> str:
    """Settings in a line."""
    return " ".join(f"{name.replace('_', '-')}={value}" for name, value in settings.items())


def table_of(trials: Sequence[Trial], names: Sequence[str], *, scores: int | None = None) -> list[list[str]]:
    """A head and a row for each: number, status, these settings, its first so many scores, epochs, seconds."""
    shown = list(dict.fromkeys(name for trial in trials for name in trial.scores))[:scores]
    rows = [["trial", "status", *names, *shown, "epochs", "seconds"]]
    for each in trials:
        found = [f"{each.scores[name]:.4f}" if name in each.scores else "" for name in shown]
        own = [str(each.settings[name]) for name in names]
        rows.append([str(each.number + 1), each.status, *own, *found, f"{each.epochs:.2f}", f"{each.seconds:.1f}"])
    return rows


def csv_of(trials: Sequence[Trial], names: Sequence[str]) -> str:
    """The same as CSV."""
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(table_of(trials, names))
    return file.getvalue()


def _typed(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "0" if value is None else str(value)


def command_of(data: Path, task: str | None, given: Mapping[str, Any]) -> str:
    """The line that trains with these settings."""
    line = ["recurra", "train", str(data), *(["--task", task] if task is not None else [])]
    for name, value in given.items():
        flag = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            line.append(flag if value else f"--no-{flag[2:]}")
            continue
        between = "/" if name == "split" else ","
        many = isinstance(value, (list, tuple))
        line += [flag, between.join(map(_typed, value)) if many else _typed(value)]
    return shlex.join(line)
