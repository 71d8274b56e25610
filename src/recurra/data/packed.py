"""Many texts as one row of bytes: an object for each would take more memory than what stands in it."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Protocol, Self, overload

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]
BLOCK = 1 << 13
"""Texts that are read at once where all are."""
_PREFIX = 16


class Letters(Protocol):
    """A row of bytes."""

    def read(self, start: int, stop: int) -> bytes:
        """Those from start to stop."""


class InMemory:
    """Bytes that are there."""

    def __init__(self, letters: bytes) -> None:
        self.letters = letters

    def read(self, start: int, stop: int) -> bytes:
        return self.letters[start:stop]


class OnDisk:
    """Bytes of a file, of which only what is asked for is read. It is closed with the last one who holds this."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file

    @classmethod
    def unseen(cls, folder: Path) -> Self:
        """A new file without a name, which is gone with this."""
        return cls(tempfile.TemporaryFile(dir=folder))

    def __del__(self) -> None:
        self.file.close()

    def add(self, letters: bytes) -> None:
        """At the end."""
        self.file.write(letters)

    def close_for_adding(self) -> None:
        """All of it can be read."""
        self.file.flush()

    def read(self, start: int, stop: int) -> bytes:
        if hasattr(os, "pread"):
            return os.pread(self.file.fileno(), stop - start, start)
        self.file.seek(start)
        return self.file.read(stop - start)


class PackedTexts(Sequence[str]):
    """Texts, read only.

    letters: K texts in UTF-8, one after the other; starts: int64 [K + 1], where each begins and the last ends; rows:
    int64 [N], which of them these are
    """

    def __init__(self, letters: Letters, starts: Int64, rows: Int64 | None = None) -> None:
        self.letters, self.starts = letters, starts
        self.rows = np.arange(len(starts) - 1) if rows is None else rows

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        row = int(self.rows[index])
        return _text(self.letters.read(int(self.starts[row]), int(self.starts[row + 1])))

    def __iter__(self) -> Iterator[str]:
        for first in range(0, len(self), BLOCK):
            rows = self.rows[first : first + BLOCK]
            begin, end = int(self.starts[rows.min()]), int(self.starts[rows.max() + 1])
            edges = zip(self.starts[rows].tolist(), self.starts[rows + 1].tolist(), strict=True)
            if end - begin > 4 * int((self.starts[rows + 1] - self.starts[rows]).sum()):  # most of it is of others
                yield from (_text(self.letters.read(a, b)) for a, b in edges)
                continue
            some = memoryview(self.letters.read(begin, end))
            yield from (_text(some[a - begin : b - begin]) for a, b in edges)

    def at(self, indices: Int64) -> PackedTexts:
        """The texts at some places."""
        return PackedTexts(self.letters, self.starts, self.rows[indices])

    def ranks(self) -> Int64:
        """The place of each by code points, the same order as that of their UTF-8. Shapes: int64 [N]"""
        prefixes = np.zeros((len(self), _PREFIX), np.uint8)
        for place, text in enumerate(self):
            begin = text[:_PREFIX].encode("utf-8", "surrogatepass")[:_PREFIX]
            prefixes[place, : len(begin)] = np.frombuffer(begin, np.uint8)
        keys = prefixes.view(">u8").astype(np.uint64)
        order = np.lexsort((keys[:, 1], keys[:, 0]))
        same = (keys[order][1:] == keys[order][:-1]).all(1)
        edges = np.flatnonzero(np.diff(np.concatenate([[False], same, [False]]).astype(np.int8)))
        for start, stop in edges.reshape(-1, 2).tolist():  # those that begin alike
            order[start : stop + 1] = sorted(order[start : stop + 1].tolist(), key=self.__getitem__)
        ranks = np.empty(len(order), np.int64)
        ranks[order] = np.arange(len(order))
        return ranks


def _text(letters: bytes | memoryview) -> str:
    return str(letters, "utf-8", "surrogatepass")


class Packer:
    """Texts are added one by one. folder: where a file for them is, which nobody sees; in memory without one"""

    def __init__(self, folder: Path | None = None) -> None:
        self._file = None if folder is None else OnDisk.unseen(folder)
        self._parts: list[bytes] = []
        self._sizes: list[Int64] = []
        self._keys: list[bytes] = []
        self._open: list[bytes] = []

    def add(self, text: str) -> None:
        """One more."""
        self._open.append(text.encode("utf-8", "surrogatepass"))
        if len(self._open) == BLOCK:
            self._close()

    def _close(self) -> None:
        some = self._open
        self._sizes.append(np.fromiter(map(len, some), np.int64, len(some)))
        self._keys.append(b"".join(map(_digest, some)))
        whole = b"".join(some)
        if self._file is None:
            self._parts.append(whole)
        else:
            self._file.add(whole)
        self._open = []

    def done(self) -> tuple[PackedTexts, Keys]:
        """All of them, and of each what stands for it where it is only asked which are the same. Shapes: [N, 2]"""
        self._close()
        starts = np.concatenate([np.zeros(1, np.int64), *self._sizes]).cumsum()
        keys, self._keys = _as_keys(self._keys), []
        if self._file is None:
            return PackedTexts(InMemory(b"".join(self._parts)), starts), keys
        self._file.close_for_adding()
        return PackedTexts(self._file, starts), keys


def packed(texts: Iterable[str]) -> PackedTexts:
    """Some texts in memory."""
    packer = Packer()
    for text in texts:
        packer.add(text)
    return packer.done()[0]


def text_keys(texts: Iterable[str]) -> Keys:
    """As those of a Packer, which keeps nothing of the texts. Shapes: [N, 2]"""
    return _as_keys(_digest(text.encode("utf-8", "surrogatepass")) for text in texts)


def _digest(letters: bytes) -> bytes:
    return hashlib.blake2b(letters, digest_size=16).digest()


def _as_keys(digests: Iterable[bytes]) -> Keys:
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64, copy=False).reshape(-1, 2)


def numbered(*keys: npt.NDArray[np.generic]) -> tuple[Int64, Int64]:
    """A number for each row by its keys, in the order of their appearance, and the first row of each number.

    Shapes: keys [N] each -> int64 [N], int64 [D]
    """
    order = np.lexsort(keys)
    new = np.zeros(len(order), np.bool_)
    new[:1] = True
    for key in keys:
        new[1:] |= key[order[1:]] != key[order[:-1]]
    first = order[new]  # the sort is stable
    by_appearance = np.argsort(first)
    number = np.empty(len(first), np.int64)
    number[by_appearance] = np.arange(len(first))
    found = np.empty(len(order), np.int64)
    found[order] = number[np.cumsum(new) - 1]
    return found, first[by_appearance]
