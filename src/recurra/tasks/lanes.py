"""Many sequences that are read or written at once, each with a state of its own that stays between calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from recurra.errors import RecurraError


class Lane(Protocol):
    """One sequence. What it is asked is worked on by its `Lanes`, a step at a time."""

    failed: RecurraError | None
    """What ended it: it is of no use any more."""

    @property
    def busy(self) -> bool:
        """Whether a step is left of what it was asked."""

    def answers(self) -> list[dict[str, Any]]:
        """Plain values that it has found since the last call."""


class Lanes(Protocol):
    """A model's sequences. One thread at a time.

    bytes: what one holds between calls, at most: its states, and Python's objects around them
    """

    bytes: int

    def new(self, **options: Any) -> Lane:
        """One that begins. Errors: UsageError for an option that the model does not read"""

    def advance(self, lanes: Sequence[Any]) -> None:
        """One step of each of these, which are busy. What fails in one fails in it alone."""


OBJECTS = 16_384
"""Bytes of Python's own objects around the states of a sequence: random numbers, a tokeniser's ends, queues."""
