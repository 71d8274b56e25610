"""How far a long reading has come, for whoever shows it while it goes on."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")


@dataclass
class Reading:
    """One reading.

    begun: when, on time.monotonic; span: the shares of its time that are worked on; stage: where; in_whole: within
    `whole`, where what a stage has reached is shown until the next one begins
    """

    begun: float = field(default_factory=time.monotonic)
    span: tuple[float, float] = (0.0, 1.0)
    stage: Stage | None = None
    in_whole: bool = False

    def reached(self) -> tuple[float, float] | None:
        """The share that is done, and the seconds that the rest will take; None if nobody knows."""
        now = self.stage
        if now is None:
            return None
        share = now.first + (now.last - now.first) * min(1.0, now.done / now.units)
        if share <= 0:
            return None
        whole = (now.latest - self.begun) / share
        return share, max(0.0, self.begun + whole - time.monotonic()) if share < 1 else 0.0


@dataclass
class Stage:
    """A stretch of a reading.

    It leads from one share of its time to another. units: that it has; done: so many of them; latest: when that
    was last added to, on time.monotonic
    """

    first: float
    last: float
    units: float
    done: float = 0.0
    latest: float = field(default_factory=time.monotonic)


_own: ContextVar[Reading | None] = ContextVar("reading", default=None)
"""Of this thread: what another one reads is not shown as this one's."""


@contextmanager
def followed() -> Iterator[Reading]:
    """While entered, what is read in this thread is told to the reading that is given."""
    reading = Reading()
    token = _own.set(reading)
    try:
        yield reading
    finally:
        _own.reset(token)


@contextmanager
def whole() -> Iterator[None]:
    """While entered, all of a reading, which begins here; `between` says where its parts stand in its time."""
    if (reading := _own.get()) is None:
        yield
        return
    before = reading.begun, reading.span, reading.stage, reading.in_whole
    reading.begun, reading.span, reading.stage, reading.in_whole = time.monotonic(), (0.0, 1.0), None, True
    try:
        yield
    finally:
        reading.begun, reading.span, reading.stage, reading.in_whole = before


@contextmanager
def between(first: float, last: float) -> Iterator[None]:
    """While entered, stages lead from one of these shares of the whole to the other."""
    if (reading := _own.get()) is None:
        yield
        return
    before, reading.span = reading.span, (first, last)
    try:
        yield
    finally:
        reading.span = before


@contextmanager
def stage(first: float, last: float, units: float) -> Iterator[None]:
    """While entered, `add` leads from a share of a reading's time to another, over so many units; nothing if none."""
    if (reading := _own.get()) is None or units <= 0:
        yield
        return
    before, (low, high) = reading.stage, reading.span
    length = high - low
    reading.stage = Stage(low + first * length, low + last * length, units)
    try:
        yield
    finally:
        if not reading.in_whole:
            reading.stage = before


def add(units: float) -> None:
    """So much more is done of the stage that is entered, if there is one."""
    _add(_own.get(), units)


def _add(reading: Reading | None, units: float) -> None:
    if reading is not None and reading.stage is not None:
        reading.stage.done += units
        reading.stage.latest = time.monotonic()


def counted(items: Iterable[T], every: int = 1000) -> Iterator[T]:
    """The items, each a unit of the stage that is entered; told so many at a time, whichever thread takes them."""
    return _counted(items, every, _own.get())


def _counted(items: Iterable[T], every: int, reading: Reading | None) -> Iterator[T]:
    number = 0
    for number, item in enumerate(items, start=1):
        yield item
        if not number % every:
            _add(reading, every)
    _add(reading, number % every)
