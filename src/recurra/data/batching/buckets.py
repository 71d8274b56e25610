"""Rows of like length together, for networks that are asked without an order of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]


def by_length(lengths: Sequence[int] | Int64, most: int, *, rows: int | None = None) -> Iterator[Int64]:
    """Places of rising length, equal ones in their order, in groups of at most `most` steps when padded.

    A group has one row at least, however long it is, and at most `rows`.
    Shapes: lengths [N] -> int64 [M] each, N places in all
    """
    sizes = np.asarray(lengths, dtype=np.int64)
    order = np.argsort(sizes, kind="stable").astype(np.int64)
    rising, start = sizes[order], 0
    while start < len(order):
        stop = len(order) if rows is None else min(start + rows, len(order))
        if first := int(rising[start]):  # no more than so many fit
            stop = min(stop, start + max(1, most // first))
        padded = rising[start:stop] * np.arange(1, stop - start + 1)
        fit = max(1, int(np.searchsorted(padded, most, side="right")))
        yield order[start : start + fit]
        start += fit
