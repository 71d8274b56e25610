"""Where in the training data each unit is highest, and where lowest."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from recurra.errors import RecurraError, UsageError
from recurra.inspection.trace import courses
from recurra.inspector.documents import in_a_line
from recurra.inspector.strips import Strip

if TYPE_CHECKING:
    from recurra.inspector.inspected import Inspected

INPUTS, STEPS = 400, 20_000
"""Inputs of the training data, and steps of them all, at most."""
BEST = 8
"""Places that are kept of each unit at either end."""
AROUND = 24
"""Tokens of a place before it, half as many behind it."""
PART = 64
"""Steps that are looked at at a time where an input can be read in parts, so that the page is answered meanwhile."""
SECONDS = 60.0
"""That all of it may take."""


@dataclass(frozen=True)
class _Extremes:
    """Of one value of one layer; a new one for each stretch of steps, for it may be looked at meanwhile.

    values, steps: [2, BEST, H], the highest first in 0, the lowest first in 1
    """

    values: npt.NDArray[np.float32]
    steps: npt.NDArray[np.int64]

    @classmethod
    def of(cls, width: int) -> _Extremes:
        return cls(np.full((2, BEST, width), -np.inf, np.float32), np.full((2, BEST, width), -1, np.int64))

    def beside(self, found: npt.NDArray[np.float32], first: int) -> _Extremes:
        """Of more steps too. found [T, H], its steps counted from `first` over all inputs."""
        signed = np.stack([found, -found])
        top = np.argsort(-signed, axis=1, kind="stable")[:, :BEST]
        values = np.concatenate([self.values, np.take_along_axis(signed, top, 1)], 1)
        steps = np.concatenate([self.steps, top + first], 1)
        best = np.argsort(-values, axis=1, kind="stable")[:, :BEST]
        return _Extremes(np.take_along_axis(values, best, 1), np.take_along_axis(steps, best, 1))


class Contexts:
    """Reads inputs of the training data in a thread of its own, once, for all units; begun when first asked for."""

    def __init__(self, inspected: Inspected) -> None:
        self._inspected = inspected
        self._thread: threading.Thread | None = None
        self._found: dict[tuple[str, str], _Extremes] = {}
        self._tokens: list[str] = []
        self._starts: list[int] = []
        self.share, self.problem = 0.0, ""

    def begin(self) -> None:
        """Unless it has begun."""
        with self._inspected.lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._look, name="contexts", daemon=True)
                self._thread.start()

    def join(self) -> None:
        """Wait for the end."""
        self.begin()
        assert self._thread is not None
        self._thread.join()

    @property
    def done(self) -> bool:
        return self._thread is not None and not self._thread.is_alive()

    @property
    def steps(self) -> int:
        """That were looked at."""
        return len(self._tokens)

    def of(self, key: str, name: str, unit: int) -> dict[str, list[dict[str, Any]]]:
        """Of a unit its highest and lowest steps: value, the tokens around it, which of them it is.

        Errors: UsageError for a unit that there is not
        """
        found = self._found.get((key, name))
        if found is None:
            return {"highest": [], "lowest": []}
        if unit >= (units := found.values.shape[2]):
            raise UsageError(f"{name} has {units} units, from 0; got unit {unit}")
        return {
            "highest": self._indices(found.values[0, :, unit], found.steps[0, :, unit]),
            "lowest": self._indices(-found.values[1, :, unit], found.steps[1, :, unit]),
        }

    def _indices(self, values: npt.NDArray[np.float32], steps: npt.NDArray[np.int64]) -> list[dict[str, Any]]:
        made = []
        for value, step in zip(values.tolist(), steps.tolist(), strict=True):
            if step < 0:
                continue
            place = int(np.searchsorted(self._starts, step, side="right")) - 1
            end = self._starts[place + 1] if place + 1 < len(self._starts) else len(self._tokens)
            start = max(self._starts[place], step - AROUND)
            tokens = self._tokens[start : min(end, step + 1 + AROUND // 2)]
            made.append({"value": value, "tokens": tokens, "at": step - start})
        return made

    def _look(self) -> None:
        inspected = self._inspected
        try:
            with inspected.lock:
                inputs = inspected.own_inputs("train", INPUTS)
            end = time.monotonic() + SECONDS
            for number, one in enumerate(inputs):
                if len(self._tokens) >= STEPS or time.monotonic() > end:
                    break
                self._read(one.given, dict(one.options))
                self.share = max((number + 1) / len(inputs), len(self._tokens) / STEPS)
        except RecurraError as error:
            self.problem = in_a_line(error)
        self.share = 1.0

    def _read(self, given: Any, options: dict[str, Any]) -> None:
        inspected = self._inspected
        model: Any = inspected.model
        with inspected.lock:
            whole = model.forward_pass(given, **options)
        names = list(whole.steps.values())
        first = len(self._tokens)
        time_ = len(names[-1])
        self._starts.append(first)
        self._tokens += names[-1]
        state, at = None, 0
        step = time_ if whole.part is None else PART
        while at < time_:
            stop = min(at + step, time_)
            with inspected.lock:
                some = whole if whole.part is None else whole.part(at, stop, state)
                found = courses(inspected.run.network, some, some.run, prepared=inspected.prepared)
            for stack, stacks in found.items():
                if len(whole.steps[stack]) == time_:  # of translations what is written
                    self._keep(stack, stacks, first + at)
            if whole.part is not None:
                (stacks,) = found.values()
                state = _last(stacks)
            at = stop
            time.sleep(0.001)  # lets a request have the lock

    def _keep(self, stack: str, stacks: Any, first: int) -> None:
        for parts in stacks:
            strip = Strip(stack, (), parts)
            for name, width in strip.widths.items():
                kept = self._found.get((strip.key, name)) or _Extremes.of(width)
                self._found[strip.key, name] = kept.beside(strip.values(name, 0, strip.length), first)


def _last(stacks: Any) -> Any:
    last = [parts[-1].after for parts in stacks]
    return tuple(torch.stack([state[:, -1] for state in states]) for states in zip(*last, strict=True))
