"""A batch's rows, divided among processes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def edges(costs: npt.NDArray[Any], count: int) -> list[int]:
    """Where the rows of each of `count` processes begin, and the end: neighbours, of about the same cost together.

    Rows that cost alike are divided evenly. With fewer rows than processes some have none.
    Maths:  edge k is where the sum of the costs before it comes nearest to k / count of all
    Shapes: costs [B], above 0 -> count + 1 numbers from 0 to B
    """
    before = np.concatenate([[0.0], np.cumsum(costs, dtype=np.float64)])
    wanted = before[-1] * np.arange(count + 1) / count
    right = np.searchsorted(before, wanted, side="left").clip(1, len(before) - 1)
    left = right - 1
    nearest = np.where(wanted - before[left] < before[right] - wanted, left, right)
    return [int(edge) for edge in np.concatenate([[0], nearest[1:-1], [len(costs)]])]


def own_rows(costs: npt.NDArray[Any], rank: int, count: int) -> tuple[slice, bool]:
    """The rows of a process, and whether they count: one that has none reads a row of another's that does not, for all
    go through the same steps."""
    found = edges(costs, count)
    start, stop = found[rank], found[rank + 1]
    if start < stop:
        return slice(start, stop), True
    start = min(start, len(costs) - 1)
    return slice(start, start + 1), False
