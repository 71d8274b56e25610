"""One layer in one direction over an input that may still be being read: its values, a stretch of steps at a time."""

from __future__ import annotations

import itertools
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
WINDOW = 64
"""Steps whose gates are computed at a time."""
SHORT, FEW = 8, 32
"""So many courses of so few steps at most, as tokens are typed, are joined."""
_numbers_of_strips = itertools.count()


class Windows:
    """Computed values of strips, by strip and first step, the newest of at most so many bytes."""

    def __init__(self, most: int = 96 << 20) -> None:
        self.most, self.bytes = most, 0
        self._kept: OrderedDict[tuple[int, int], dict[str, Floats]] = OrderedDict()

    def get(self, strip: int, at: int) -> dict[str, Floats] | None:
        found = self._kept.get((strip, at))
        if found is not None:
            self._kept.move_to_end((strip, at))
        return found

    def put(self, strip: int, at: int, values: dict[str, Floats]) -> None:
        """The newest one stays, whatever its size."""
        self.take(strip, at)
        self._kept[strip, at] = values
        self.bytes += _size(values)
        while self.bytes > self.most and len(self._kept) > 1:
            self.bytes -= _size(self._kept.popitem(last=False)[1])

    def take(self, strip: int, at: int) -> dict[str, Floats] | None:
        """Not kept any more."""
        found = self._kept.pop((strip, at), None)
        self.bytes -= 0 if found is None else _size(found)
        return found


class Strip:
    """One stack's layer in one direction.

    Of every step its states are kept; gates follow from these by the equations, and are computed where they are looked
    at. tokens: what each step reads, those that are not read yet among them; windows: where computed values are kept
    """

    def __init__(
        self, stack: str, tokens: Sequence[str], courses: Iterable[Course], windows: Windows | None = None
    ) -> None:
        self.stack, self.tokens = stack, tokens
        self.courses: list[Course] = []
        self.length = 0
        self._windows, self._number = Windows() if windows is None else windows, next(_numbers_of_strips)
        self.extend(courses)

    def extend(self, courses: Iterable[Course]) -> None:
        """More steps, in their order."""
        for course in courses:
            self.courses.append(course)
            self.length += course.x.shape[1]
            some = self.courses[-FEW:]
            if len(some) == FEW and all(each.x.shape[1] <= SHORT for each in some):
                self.courses[-FEW:] = [_joined(some)]

    def storages(self) -> dict[int, int]:
        """Bytes of what is kept of its steps, by where they are: strips that share steps share these."""
        tensors = (each for course in self.courses for each in (course.x, *course.before, *course.after))
        return {(held := each.untyped_storage()).data_ptr(): held.nbytes() for each in tensors}

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
        """The first steps alone, to be gone on from; it takes over what was computed of them.

        tokens: what its steps will have read
        """
        made = Strip(self.stack, tokens, self._between(0, steps), self._windows)
        made.__dict__["widths"] = self.widths
        for at in range(0, steps, WINDOW):
            values = self._windows.take(self._number, at)
            if values is not None:
                some = {name: value[: steps - at] for name, value in values.items()}
                self._windows.put(made._number, at, some)
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
        stop, known = min(at + WINDOW, self.length), self._windows.get(self._number, at)
        have = 0 if known is None else len(next(iter(known.values())))
        if known is None or at + have < stop:
            with torch.no_grad():
                parts = [course.values() for course in self._between(at + have, stop)]
            before = [] if known is None else [known]
            known = {
                name: np.concatenate([part[name] for part in before] + [_numbers(part[name]) for part in parts])
                for name in parts[0]
                if self._state(name) is None  # those are there already
            }
            self._windows.put(self._number, at, known)
        assert known is not None
        return known

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


def _joined(some: Sequence[Course]) -> Course:
    return replace(
        some[0],
        x=torch.cat([one.x for one in some], 1),
        before=tuple(torch.cat(states, 1) for states in zip(*(one.before for one in some), strict=True)),
        after=tuple(torch.cat(states, 1) for states in zip(*(one.after for one in some), strict=True)),
        lengths=torch.stack([one.lengths for one in some]).sum(0),
    )


def _size(values: dict[str, Floats]) -> int:
    return sum(value.nbytes for value in values.values())


def _numbers(values: Any) -> Floats:
    """Shapes: [1, T, H] -> [T, H]"""
    return np.asarray(values[0].float().cpu().numpy(), np.float32)
