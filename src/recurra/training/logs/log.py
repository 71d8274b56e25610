"""The logs by name, and what each is told of a run."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from recurra.errors import UnknownNameError, UsageError
from recurra.training.callbacks import Callback
from recurra.training.history import Point

LOGS = {"tensorboard": "tensorboard", "wandb": "wandb", "mlflow": "mlflow"}
"""The package that each needs, as pip names it."""


@dataclass(frozen=True)
class Logged:
    """A run as a log sees it.

    folder: its model folder; key: the same for a run that is resumed, another for every other; begun: steps done
    before, which a log has already; settings: plain values by dotted name; quiet: nothing is said on the terminal
    """

    folder: Path
    key: str
    begun: int
    settings: Mapping[str, Any]
    quiet: bool = False


def check_log(name: str) -> None:
    """Errors: UnknownNameError for a log that there is not; UsageError if its package is not installed"""
    if name not in LOGS:
        raise UnknownNameError("log", name, LOGS)
    _home(name).load()


def open_log(name: str, run: Logged) -> Callback:
    """A callback that writes the run to a log. Errors: UsageError if the log cannot be opened"""
    return cast(Callback, _home(name).open_log(run))


def values_of(point: Point) -> dict[str, float]:
    """What an evaluation says, by the names that the logs show."""
    values = {
        "loss/train": point.train_loss,
        "loss/validation": point.validation_loss,
        "training/learning_rate": point.learning_rate,
        "training/gradient_norm": point.gradient_norm,
    } | {f"validation/{name}": value for name, value in point.validation_metrics.items()}
    return {name: value for name, value in values.items() if value is not None}


def imported(module: str, log: str) -> Any:
    """A log's package. Errors: UsageError with the line that installs it"""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UsageError(f"the log {log} needs a package; install it: pip install {LOGS[log]}") from error


def _home(name: str) -> Any:
    return importlib.import_module(f"recurra.training.logs.{name}")
