"""Many short arrays of ids in one long one: an object for each would take more memory than its ids."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence, Sized
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from recurra.data.room import room
from recurra.errors import ShapeError

Keys = npt.NDArray[np.uint64]
Int64 = npt.NDArray[np.int64]
BLOCK = 1 << 14
"""Rows that are objects at the same time."""


def row_digest(ids: Int64) -> bytes:
    """What stands for a row of ids where it is only asked which are the same."""
    return hashlib.blake2b(np.ascontiguousarray(ids).data, digest_size=16).digest()


def lengths_of(rows: Sequence[Sized]) -> Int64:
    """Ids of each row, whatever holds them. Shapes: int64 [N]"""
    return rows.lengths if isinstance(rows, Ragged) else np.fromiter(map(len, rows), np.int64, len(rows))


def digest(rows: Sequence[npt.NDArray[Any]]) -> str:
    """SHA-256 of a training part as the network reads it: ids, row by row, each after their number."""
    found = hashlib.sha256()
    if isinstance(rows, Ragged):
        for first in range(0, len(rows), BLOCK):
            starts = rows.starts[first : first + BLOCK + 1]
            ids = rows.values[starts[0] : starts[-1]].astype("<i8")
            found.update(np.insert(ids, starts[:-1] - starts[0], np.diff(starts)).data)
        return found.hexdigest()
    for ids in rows:
        found.update(len(ids).to_bytes(8, "little"))
        found.update(np.ascontiguousarray(ids).data)
    return found.hexdigest()


def row_keys(values: npt.NDArray[Any], starts: Int64, longest: int | None = None) -> Keys:
    """As `Ragged.keys`, of some rows: polynomials of their ids' signs."""
    signs = _mixed(values.astype(np.uint64) + np.uint64(1))
    sizes = np.diff(starts)
    powers = np.cumprod(np.full(int(sizes.max(initial=0)) + 1, 0x9E3779B97F4A7C15, np.uint64))
    signs *= powers[np.arange(len(values)) - np.repeat(starts[:-1], sizes)]
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(signs, dtype=np.uint64)])  # which wrap around
    read = sizes if longest is None else np.minimum(sizes, longest)
    keys: Keys = sums[starts[:-1] + read] - sums[starts[:-1]] + _mixed(read.astype(np.uint64))
    return keys


def _mixed(numbers: Keys) -> Keys:
    """Numbers whose bits depend on all bits of what is given. Source: Steele, Lea & Flood 2014, SplitMix64"""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


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

    def at(self, indices: Int64, folder: Path | None = None) -> Ragged:
        """The rows at some places. folder: see data.room"""
        sizes = self.lengths[indices]
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
        values = room(int(starts[-1]), self.values.dtype, folder)
        for first in range(0, len(indices), BLOCK):  # the places of all ids take four times their memory or more
            some, edges = slice(first, first + BLOCK), starts[first : first + BLOCK + 1]
            within = np.arange(edges[0], edges[-1]) - np.repeat(edges[:-1], sizes[some])
            positions = np.repeat(self.starts[:-1][indices[some]], sizes[some]) + within
            values[edges[0] : edges[-1]] = self.values[positions]
        return Ragged(values, starts)

    def padded(self, indices: Int64) -> tuple[Int64, Int64]:
        """The rows at some places one below the other, 0 past each one's end, and their lengths.

        Shapes: int64 [B] -> int64 [B, T], [B]
        """
        starts = self.starts[indices]
        lengths = self.starts[indices + 1] - starts
        within = np.arange(lengths.max(initial=0))
        inside = within < lengths[:, None]
        ids = np.zeros(inside.shape, np.int64)
        ids[inside] = self.values[(starts[:, None] + within)[inside]]
        return ids, lengths

    def cut(self, sizes: Int64 | int) -> Ragged:
        """Of each row so many ids, or all that it has. Shapes: int64 [N], or one number for all"""
        read = np.minimum(self.lengths, sizes)
        return self if (read == self.lengths).all() else self._remade(read, None, None)

    def ended(self, end: int, where: npt.NDArray[np.bool_] | None = None, folder: Path | None = None) -> Ragged:
        """The rows with an id after them, or some of them. where: which; folder: see data.room. Shapes: bool [N]"""
        after = np.ones(len(self), np.bool_) if where is None else where
        return self._remade(self.lengths, (end, after), folder) if after.any() else self

    def _remade(self, sizes: Int64, end: tuple[int, npt.NDArray[np.bool_]] | None, folder: Path | None) -> Ragged:
        kind = self.values.dtype if end is None else np.promote_types(self.values.dtype, np.min_scalar_type(end[0]))
        more = np.zeros(len(self), np.int64) if end is None else end[1].astype(np.int64)
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes + more)])
        values = room(int(starts[-1]), kind, folder)
        for first in range(0, len(self), BLOCK):
            some = slice(first, first + BLOCK)
            there, stops = self.starts[first : first + BLOCK + 1], starts[first : first + BLOCK + 1]
            ids = self.values[there[0] : there[-1]]
            kept = np.arange(len(ids)) - np.repeat(there[:-1] - there[0], np.diff(there)) < np.repeat(
                sizes[some], np.diff(there)
            )
            into = values[stops[0] : stops[-1]]
            if end is None:
                into[:] = ids[kept]
                continue
            last = stops[1:][end[1][some]] - 1 - stops[0]
            inside = np.ones(len(into), np.bool_)
            inside[last] = False
            into[inside], into[last] = ids[kept], end[0]
        return Ragged(values, starts)

    def keys(self, longest: int | None = None) -> Keys:
        """What stands for each row where it is only asked which are the same: two different ones have the same one by a
        chance of about 2**-60. longest: ids that are looked at. Shapes: uint64 [N]
        """
        found = [np.zeros(0, np.uint64)]
        for first in range(0, len(self), BLOCK):
            starts = self.starts[first : first + BLOCK + 1]
            found.append(row_keys(self.values[starts[0] : starts[-1]], starts - starts[0], longest))
        return np.concatenate(found)
