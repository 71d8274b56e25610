"""Many short arrays of ids in one long one: an object for each would take more memory than its ids."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence, Sized
from itertools import islice, pairwise
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from recurra.errors import ShapeError

Int64 = npt.NDArray[np.int64]
BLOCK = 1 << 14
"""Rows that are objects at the same time."""


def row_digest(ids: Int64) -> bytes:
    """What stands for a row of ids where it is only asked which are the same."""
    return hashlib.blake2b(np.ascontiguousarray(ids).data, digest_size=16).digest()


def lengths_of(rows: Sequence[Sized]) -> Int64:
    """Ids of each row, whatever holds them. Shapes: int64 [N]"""
    return rows.lengths if isinstance(rows, Ragged) else np.fromiter(map(len, rows), np.int64, len(rows))


class Ragged(Sequence[Int64]):
    """Rows of ids, read only.

    values: [M], unsigned, in as few bytes as they need; starts: int64 [N + 1], where each row begins and the last ends
    """

    def __init__(self, values: npt.NDArray[Any], starts: Int64) -> None:
        self.values, self.starts = values, starts

    @classmethod
    def of(cls, rows: Iterable[npt.NDArray[Any]], count: int) -> Ragged:
        """Some rows, whose ids are below `count`. Errors: ShapeError for one that is not"""
        kind = np.min_scalar_type(max(count - 1, 0))
        source, values, sizes = iter(rows), list[npt.NDArray[Any]](), [np.zeros(1, np.int64)]
        while block := list(islice(source, BLOCK)):
            ids = np.concatenate(block)
            if (largest := int(ids.max(initial=0))) >= max(count, 1):
                raise ShapeError(f"expected ids below {count:,}, got {largest:,}")
            values.append(ids.astype(kind))
            sizes.append(np.array(list(map(len, block)), np.int64))
        whole = np.concatenate(values) if values else np.zeros(0, kind)
        return cls(whole, np.cumsum(np.concatenate(sizes)))

    @property
    def lengths(self) -> Int64:
        """Ids of each row. Shapes: int64 [N]"""
        return np.diff(self.starts)

    def __len__(self) -> int:
        return len(self.starts) - 1

    @overload
    def __getitem__(self, index: int) -> Int64: ...
    @overload
    def __getitem__(self, index: slice) -> list[Int64]: ...
    def __getitem__(self, index: int | slice) -> Int64 | list[Int64]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        row = index % len(self)
        return np.asarray(self.values[self.starts[row] : self.starts[row + 1]], np.int64)

    def __iter__(self) -> Iterator[Int64]:
        for first in range(0, len(self), BLOCK):
            starts = self.starts[first : first + BLOCK + 1]
            some = self.values[starts[0] : starts[-1]].astype(np.int64)
            edges = (starts - starts[0]).tolist()
            yield from (some[a:b] for a, b in pairwise(edges))

    def at(self, indices: Int64) -> Ragged:
        """The rows at some places."""
        sizes = self.lengths[indices]
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
        within = np.arange(starts[-1]) - np.repeat(starts[:-1], sizes)
        return Ragged(self.values[np.repeat(self.starts[:-1][indices], sizes) + within], starts)
