"""One layer in one direction over an input that may still be being read: its values, a stretch of steps at a time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from recurra.errors import UnknownNameError, UsageError
from recurra.layers.stepping import Course

Floats = npt.NDArray[np.float32]
WINDOW = 256
"""Steps whose gates are computed at a time."""
KEPT = 48 << 20
"""Bytes of computed values that a strip keeps."""


class Strip:
    """One stack's layer in one direction.

    Of every step its states are kept; gates follow from these by the equations, and are computed where they are looked
    at. tokens: what each step reads, those that are not read yet among them
    """

    def __init__(self, stack: str, tokens: Sequence[str], courses: Iterable[Course]) -> None:
        self.stack, self.tokens = stack, tokens
        self.courses: list[Course] = []
        self.length = 0
        self._windows: OrderedDict[int, dict[str, Floats]] = OrderedDict()
        self.extend(courses)

    def extend(self, courses: Iterable[Course]) -> None:
        """More steps, in their order."""
        for course in courses:
            last = self.courses[-1] if self.courses else None
            if last is not None and last.x.shape[1] + course.x.shape[1] <= WINDOW:  # as tokens are typed
                self.courses[-1] = _joined(last, course)
            else:
                self.courses.append(course)
            self.length += course.x.shape[1]

    @property
    def first(self) -> Course:
        return self.courses[0]

    @property
    def key(self) -> str:
        """stack.l0, stack.l0_reverse"""
        return f"{self.stack}.l{self.first.layer}{'_reverse' if self.first.direction else ''}"

    @cached_property
    def widths(self) -> dict[str, int]:
        """Every value by the equations' name, in the order in which they are computed, with its units."""
        with torch.no_grad():
            values = _slice(self.first, 0, 1).values()
        return {name: value.shape[2] for name, value in values.items()}

    def until(self, steps: int, tokens: Sequence[str]) -> Strip:
        """The first steps alone, to be gone on from. tokens: what its steps will have read"""
        made = Strip(self.stack, tokens, self._between(0, steps))
        made.__dict__["widths"] = self.widths
        for at, values in self._windows.items():
            if at < steps:
                made._windows[at] = {name: value[: steps - at] for name, value in values.items()}
        return made

    def values(self, name: str, start: int, stop: int) -> Floats:
        """A named value of some steps [stop - start, H]. Errors: UnknownNameError; UsageError for steps not read"""
        if name not in self.widths:
            raise UnknownNameError("traced value", name, self.widths)
        if not 0 <= start <= stop <= self.length:
            raise UsageError(f"steps {start} to {stop} are asked for; {self.length} have been read")
        place = self._state(name)
        if place is not None:
            found = [_numbers(course.after[place]) for course in self._between(start, stop)]
        else:
            windows = range(start // WINDOW * WINDOW, stop, WINDOW)
            found = [self._window(at)[name][max(0, start - at) : stop - at] for at in windows]
        return np.concatenate(found) if found else np.zeros((0, self.widths[name]), np.float32)

    def unit(self, name: str, unit: int) -> Floats:
        """One unit over all steps [T]. Errors: UnknownNameError; UsageError"""
        self.check_unit(name, unit)
        if self._state(name) is not None:
            return self.values(name, 0, self.length)[:, unit]
        parts = [self.values(name, at, min(at + WINDOW, self.length)) for at in range(0, self.length, WINDOW)]
        return np.concatenate([part[:, unit] for part in parts]) if parts else np.zeros(0, np.float32)

    def check_unit(self, name: str, unit: int) -> None:
        """Errors: UnknownNameError; UsageError for a unit that there is not"""
        if name not in self.widths:
            raise UnknownNameError("traced value", name, self.widths)
        if not 0 <= unit < self.widths[name]:
            raise UsageError(f"{name} has {self.widths[name]} units, from 0; got unit {unit}")

    def _state(self, name: str) -> int | None:
        """Its place among the states, if it is one."""
        states = self.first.cell.states
        return states.index(name) if name in states else None

    def _window(self, at: int) -> dict[str, Floats]:
        """All values of the steps from `at` on, of which those that were computed before are not computed again."""
        stop, known = min(at + WINDOW, self.length), self._windows.get(at)
        have = 0 if known is None else len(next(iter(known.values())))
        if known is None or at + have < stop:
            with torch.no_grad():
                parts = [course.values() for course in self._between(at + have, stop)]
            before = [] if known is None else [known]
            self._windows[at] = {
                name: np.concatenate([part[name] for part in before] + [_numbers(part[name]) for part in parts])
                for name in parts[0]
            }
            most = max(4, KEPT // max(1, sum(value.nbytes for value in self._windows[at].values())))
            while len(self._windows) > most:
                self._windows.popitem(last=False)
        self._windows.move_to_end(at)
        return self._windows[at]

    def _between(self, start: int, stop: int) -> list[Course]:
        found, at = [], 0
        for course in self.courses:
            time = course.x.shape[1]
            low, high = max(start - at, 0), min(stop - at, time)
            if low < high:
                found.append(course if (low, high) == (0, time) else _slice(course, low, high))
            at += time
        return found


def _slice(course: Course, start: int, stop: int) -> Course:
    return replace(
        course,
        x=course.x[:, start:stop],
        before=tuple(state[:, start:stop] for state in course.before),
        after=tuple(state[:, start:stop] for state in course.after),
        lengths=(course.lengths - start).clamp(0, stop - start),
    )


def _joined(one: Course, other: Course) -> Course:
    return replace(
        one,
        x=torch.cat([one.x, other.x], 1),
        before=tuple(torch.cat(pair, 1) for pair in zip(one.before, other.before, strict=True)),
        after=tuple(torch.cat(pair, 1) for pair in zip(one.after, other.after, strict=True)),
        lengths=one.lengths + other.lengths,
    )


def _numbers(values: Any) -> Floats:
    """Shapes: [1, T, H] -> [T, H]"""
    return np.asarray(values[0].float().cpu().numpy(), np.float32)
