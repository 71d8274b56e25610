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
    start = 0
    for end in range(1, len(order) + 1):
        full = end < len(order) and (end + 1 - start) * sizes[order[end]] > most
        if end == len(order) or end - start == rows or full:
            yield order[start:end]
            start = end
