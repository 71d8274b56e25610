"""How far a long reading has come, for whoever shows it while it goes on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class _Stage:
    """A stretch of a reading, from one share of its time to another. units: that it has; done: so many of them"""

    first: float
    last: float
    units: float
    begun: float
    done: float = 0.0


_now: _Stage | None = None
_whole = _Stage(0.0, 1.0, 1.0, 0.0)


@contextmanager
def whole() -> Iterator[None]:
    """While entered, `between` says where its parts stand in the time of all of it."""
    global _whole
    before, _whole = _whole, _Stage(0.0, 1.0, 1.0, time.monotonic())
    try:
        yield
    finally:
        _whole = before


@contextmanager
def between(first: float, last: float) -> Iterator[None]:
    """While entered, stages lead from one of these shares of the whole to the other."""
    before = _whole.first, _whole.last
    _whole.first, _whole.last = first, last
    try:
        yield
    finally:
        _whole.first, _whole.last = before


@contextmanager
def stage(first: float, last: float, units: float) -> Iterator[None]:
    """While entered, `add` leads from a share of a reading's time to another, over so many units."""
    global _now
    before, span = _now, _whole.last - _whole.first
    begun = _whole.begun or time.monotonic()
    _now = _Stage(_whole.first + first * span, _whole.first + last * span, max(1.0, units), begun)
    try:
        yield
    finally:
        _now = before


def add(units: float) -> None:
    """So much more is done of the stage that is entered, if there is one."""
    if _now is not None:
        _now.done += units


def reached() -> tuple[float, float] | None:
    """The share that is done of what is read now, and the seconds that the rest will take; None if nobody knows."""
    now = _now
    if now is None:
        return None
    share = now.first + (now.last - now.first) * min(1.0, now.done / now.units)
    return None if share <= 0 else (share, (time.monotonic() - now.begun) * (1 - share) / share)
