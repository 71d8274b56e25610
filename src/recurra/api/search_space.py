"""Which settings are varied when a run is tuned, and in which bounds: around what the task starts from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from recurra.errors import UnknownNameError, UsageError
from recurra.tasks import registry
from recurra.tasks.settings import AnySettings


class Drawing(Protocol):
    """What draws values, as a trial of optuna does."""

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float: ...

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any: ...


Draw = Callable[[Drawing, str, Any], Any]
"""A value for a setting of this name, given the one that the task starts from."""


def _times(lowest: float, highest: float) -> Draw:
    def draw(trial: Drawing, name: str, start: float) -> float:
        # three digits, so that the command that repeats a trial is short and means the same
        return float(f"{trial.suggest_float(name, lowest * start, highest * start, log=True):.3g}")

    return draw


def _sizes(*factors: float) -> Draw:
    def draw(trial: Drawing, name: str, start: int) -> int:
        return int(trial.suggest_categorical(name, sorted({max(1, round(factor * start)) for factor in factors})))

    return draw


def _share(highest: float) -> Draw:
    def draw(trial: Drawing, name: str, start: float) -> float:
        return round(trial.suggest_float(name, 0.0, highest, step=0.05), 2)

    return draw


def _one_of(*choices: Any) -> Draw:
    def draw(trial: Drawing, name: str, start: Any) -> Any:
        return trial.suggest_categorical(name, list(dict.fromkeys([start, *choices])))

    return draw


SPACE: dict[str, Draw] = {
    "learning_rate": _times(1 / 8, 8),
    "hidden_size": _sizes(1 / 4, 1 / 2, 1, 2),
    "num_layers": _one_of(1, 2, 3),
    "dropout": _share(0.6),
    "batch_size": _sizes(1 / 4, 1 / 2, 1, 2, 4),
    "embedding_size": _sizes(1 / 2, 1, 2),
    "weight_decay": _times(1 / 10, 10),
    "cell": _one_of("gru", "lstm", "sru", "min-gru"),
    "recurrent_dropout": _share(0.5),
    "embedding_dropout": _share(0.5),
    "label_smoothing": _share(0.2),
    "bidirectional": _one_of(False, True),
    "pooling": _one_of("last", "mean", "max", "all"),
    "schedule": _one_of("cosine", "constant"),
}
"""Everything that can be varied. Units: factors of what the task starts from; shares."""
FACTORS = ("learning_rate", "hidden_size", "batch_size", "embedding_size", "weight_decay")
"""Those that are varied by factors."""
USUAL = ("learning_rate", "hidden_size", "num_layers", "dropout", "batch_size", "embedding_size", "weight_decay")
"""What is varied if nothing else is asked for, as far as the task reads it."""


def varied(settings: AnySettings, given: Mapping[str, Any], asked: Sequence[str] | None) -> dict[str, Any]:
    """The settings to vary and what each starts from. given: those set by the user, which stay as they are.

    Errors: UnknownNameError for one that is not in SPACE; UsageError for one that is given, that the task does not
    read, that starts from nothing and is varied by factors, or if there is nothing to vary
    """
    groups = settings.groups().values()
    own = {name: getattr(group, name) for group in groups for name in type(group).model_fields}
    for name in asked or ():
        if name not in SPACE:
            raise UnknownNameError("setting to vary", name, SPACE)
        if name in given:
            raise UsageError(f"{name} is given and to be varied; leave out one of the two")
        if name not in own:
            raise UsageError(f"{name} is not of this task, but of {', '.join(registry.readers(name))}")
        if name in FACTORS and not own[name]:
            raise UsageError(f"{name} starts from {own[name]} and is varied by factors; leave it out")
    if asked is not None:
        return {name: own[name] for name in dict.fromkeys(asked)}
    fixed = {*given, *(("embedding_size",) if given.get("vectors") is not None else ())}  # of the vectors' width
    found = {name: own[name] for name in USUAL if name in own and name not in fixed}
    found = {name: start for name, start in found.items() if start or name not in FACTORS}
    if not found:
        raise UsageError(f"nothing is left to vary; leave some of {', '.join(USUAL)} open, or name others")
    return found


def drawn(trial: Drawing, starts: Mapping[str, Any]) -> dict[str, Any]:
    """A value for each setting."""
    return {name: SPACE[name](trial, name, start) for name, start in starts.items()}
