"""A user's own code at the steps, the evaluations and the end of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from recurra.errors import CallbackError, UsageError
from recurra.training.history import Point, Progress, Tick

METHODS = ("on_step", "on_evaluation", "on_epoch_end", "on_end")


@dataclass(frozen=True)
class Ending:
    """How a run ended. folder: its model folder; metrics: the scores on the part it was evaluated on, if finished"""

    status: Literal["finished", "stopped", "diverged"]
    folder: Path
    metrics: dict[str, float] = field(default_factory=dict)


class Callback:
    """What a run calls: subclass it and override what you need, or give any object with some of these methods.

    One that returns True, `on_end` apart, ends the training: at once if the step was evaluated, otherwise after the
    next one, which is. The run is finished then as if its epochs were over: best weights, scores, report.
    An exception in one of them ends the run with a CallbackError; what was learned until then is saved, and the run can
    be resumed.
    """

    def on_step(self, step: Tick) -> bool | None:
        """After each training step: its epoch, step, loss, rate and seconds."""

    def on_evaluation(self, point: Point, best: bool) -> bool | None:
        """After each evaluation on the validation part. best: whether it is the best so far"""

    def on_epoch_end(self, step: Tick) -> bool | None:
        """After the last step of each pass over the training part, and its evaluation if there was one."""

    def on_end(self, ending: Ending) -> None:
        """Once, when the run is finished, stopped or has diverged, and its folder is written."""


def checked_callbacks(given: Any) -> list[Any]:
    """Errors: UsageError for what is no list of callbacks"""
    if given is None:
        return []
    if isinstance(given, (str, type)) or not isinstance(given, Iterable):
        raise UsageError(f"callbacks must be a list of them, got {given!r:.60}; give callbacks=[...]")
    found = list(given)
    for number, each in enumerate(found, start=1):
        if isinstance(each, type):
            raise UsageError(f"callback {number} is the class {each.__name__}; give an object: {each.__name__}()")
        if not any(callable(getattr(each, name, None)) for name in METHODS):
            raise UsageError(f"callback {number} is a {type(each).__name__} without {', '.join(METHODS)}")
    return found


class Watchers:
    """Progress that is shown and handed on to callbacks."""

    def __init__(self, shown: Progress, callbacks: Sequence[Any]) -> None:
        self.shown, self.callbacks = shown, callbacks
        self._enough = False

    def tick(self, tick: Tick) -> None:
        """Errors: CallbackError"""
        self.shown.tick(tick)
        self._call("on_step", tick)
        if tick.ends_epoch:
            self._call("on_epoch_end", tick)

    def point(self, point: Point, best: bool) -> None:
        """Errors: CallbackError"""
        self.shown.point(point, best)
        self._call("on_evaluation", point, best)

    def evaluating(self) -> AbstractContextManager[None]:
        return self.shown.evaluating()

    def enough(self) -> bool:
        """Whether a callback wants no more training; it is said once."""
        asked, self._enough = self._enough, False
        return asked

    def end(self, ending: Ending) -> None:
        """Every callback hears of it. Errors: CallbackError of the first that failed"""
        failed: CallbackError | None = None
        for callback in self.callbacks:
            try:
                _called(callback, "on_end", ending)
            except CallbackError as error:
                failed = failed or error
        if failed is not None:
            raise failed

    def _call(self, name: str, *given: Any) -> None:
        for callback in self.callbacks:
            self._enough = _called(callback, name, *given) is True or self._enough


def _called(callback: Any, name: str, *given: Any) -> Any:
    method: Callable[..., Any] | None = getattr(callback, name, None)
    if not callable(method):
        return None
    try:
        return method(*given)
    except Exception as error:
        message = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise CallbackError(f"{name} of the callback {type(callback).__name__} failed: {message}") from error
