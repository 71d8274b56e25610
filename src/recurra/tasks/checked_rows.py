"""Rows of a part of the data, as it is looked at for what is odd about them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt


def _nowhere(index: int) -> str:
    return ""


@dataclass(frozen=True)
class CheckedRows:
    """What a network reads of each example, and what is known of it.

    rows: encoded alike in all parts, [T] or [T, W] each; inputs: as a classifier takes them
    keys: of each row what makes it the same as another one, the row itself if None
    labels: int64 [N], what is to be predicted of each row, None where that is not one class
    place: where in the data a row stands; repeats: whether a row that is there twice is one too many
    """

    rows: Sequence[npt.NDArray[Any]]
    keys: Sequence[bytes] | None = None
    labels: npt.NDArray[np.int64] | None = None
    inputs: Sequence[Any] | None = None
    place: Callable[[int], str] = _nowhere
    repeats: bool = True


@runtime_checkable
class Checkable(Protocol):
    """A part whose rows can be looked at. A part that is one row of token ids needs nothing."""

    def checked_rows(self, most: int) -> CheckedRows:
        """The first rows, so many at most."""
