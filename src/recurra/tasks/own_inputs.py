"""Inputs out of a run's own data, to be looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class OwnInput:
    """One input. name: for people, with what the data say of it; given, options: as `forward_pass` takes them"""

    name: str
    given: Any
    options: Mapping[str, Any] = field(default_factory=dict)


def spread_over(rows: Sequence[Any], count: int, made: Callable[[int], OwnInput]) -> list[OwnInput]:
    """So many of the rows from all over them, or all if there are fewer, each made into an input."""
    return [made(row) for row in rows_over(len(rows), count)]


def rows_over(rows: int, count: int) -> list[int]:
    """So many places from all over so many rows, or all."""
    return list(range(rows)) if rows <= count else [int(row) for row in np.linspace(0, rows - 1, count).round()]


def title_of(text: str, said: str = "") -> str:
    """A text in a line, its beginning if it is long. said: what the data say of it"""
    line = " ".join(text.split())
    short = line if len(line) <= 50 else f"{line[:49]}…"
    return f"{short} ({said})" if said else short
