"""Texts cut into words once: counted first, then read by the vocabulary that is made of the counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from recurra.data import share
from recurra.data.packed import OnDisk
from recurra.data.ragged import BLOCK, Int64, Keys, Ragged, row_keys
from recurra.data.room import room
from recurra.data.tokens.beside import WORTH, number_all
from recurra.data.tokens.cut import Cut
from recurra.data.tokens.numbers import Numbers
from recurra.data.tokens.vocabulary import Vocabulary

Uint32 = npt.NDArray[np.uint32]
SPARSE, FEW = 16, 1 << 20
"""Ids that are read for one that is asked for, at most, and so many in any case: looking for them takes longer."""


class Drafted:
    """Some texts as preliminary ids.

    folder: where a file for the ids is, which nobody sees; in memory without one, as what is read by one process
    """

    def __init__(self, texts: Iterable[str], cut: Cut, folder: Path | None = None) -> None:
        self.words, self._folder = Numbers(), folder
        self._file = None if folder is None else OnDisk.unseen(folder)
        self._ids: list[Uint32] = []
        self.starts = self._read(texts, cut)

    def _read(self, texts: Iterable[str], cut: Cut) -> Int64:
        """Returns where each text begins and the last ends."""
        sizes, left = [np.zeros(1, np.int64)], share.counted(texts)
        lists = iter(lambda: list(islice(left, BLOCK)), [])
        for found, ids in number_all(self.words, cut, lists, size=0 if self._folder is None else WORTH):
            sizes.append(found)
            if self._file is None:
                self._ids.append(ids)
            else:
                self._file.add(ids.tobytes())
        if self._file is None:
            self._ids = [np.concatenate([np.zeros(0, np.uint32), *self._ids])]
        else:
            self._file.close_for_adding()
        return np.concatenate(sizes).cumsum()

    def __len__(self) -> int:
        return len(self.starts) - 1

    def _between(self, start: int, stop: int) -> Uint32:
        if self._file is None:
            return self._ids[0][start:stop]
        return np.frombuffer(self._file.read(4 * start, 4 * stop), np.uint32)

    def _blocks(self, rows: Int64) -> Iterator[tuple[Int64, Uint32]]:
        """Of some texts one after the other, a block at a time: where each begins in it and the last ends, the ids."""
        for first in range(0, len(rows), BLOCK):
            yield from self._block(rows[first : first + BLOCK])

    def _block(self, rows: Int64) -> Iterator[tuple[Int64, Uint32]]:
        begin, end = int(self.starts[rows.min()]), int(self.starts[rows.max() + 1])
        sizes = self.starts[rows + 1] - self.starts[rows]
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
        if len(rows) > 1 and end - begin > max(FEW, SPARSE * int(starts[-1])):  # most of it is of others
            for half in np.array_split(rows, 2):
                yield from self._block(half)
            return
        ids = self._between(begin, end)
        if len(ids) > starts[-1] or (np.diff(rows) < 0).any():
            ids = ids[np.arange(starts[-1]) + np.repeat(self.starts[rows] - begin - starts[:-1], sizes)]
        yield starts, ids

    def keys(self, longest: int | None = None) -> Keys:
        """See Ragged.keys, of the preliminary ids. Shapes: uint64 [N]"""
        found = (row_keys(ids, starts, longest) for starts, ids in self._blocks(np.arange(len(self))))
        return np.concatenate([np.zeros(0, np.uint64), *found])

    def count(self, rows: Int64) -> Counter[str]:
        """How often each word occurs in some of the texts."""
        counts = np.zeros(len(self.words.names), np.int64)
        for _, ids in self._blocks(rows):
            found = np.bincount(ids)
            counts[: len(found)] += found
        names = self.words.names
        return Counter({names[index]: int(counts[index]) for index in np.flatnonzero(counts).tolist()})

    def encoded(self, vocabulary: Vocabulary, rows: Int64) -> Ragged:
        """Some of the texts as `Vocabulary.encode` reads them."""
        table = np.zeros(max(1, len(self.words.names)), np.min_scalar_type(len(vocabulary) - 1))
        numbers = self.words.find(vocabulary.tokens[1:])
        table[numbers[numbers >= 0]] = 1 + np.flatnonzero(numbers >= 0)
        sizes = self.starts[rows + 1] - self.starts[rows]
        values, done = room(int(sizes.sum()), table.dtype, self._folder), 0
        for _, ids in self._blocks(rows):
            values[done : done + len(ids)] = table[ids]
            done += len(ids)
        return Ragged(values, np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)]))

    def in_pieces(self, pieces: Ragged, rows: Int64) -> Ragged:
        """Some of the texts, each word as the ids of its pieces. pieces: of each word, by its number"""
        of_word, sizes = pieces.lengths, [np.zeros(1, np.int64)]
        for edges, ids in self._blocks(rows):
            sizes.append(np.diff(np.concatenate([np.zeros(1, np.int64), np.cumsum(of_word[ids])])[edges]))
        starts = np.cumsum(np.concatenate(sizes))
        values, done = room(int(starts[-1]), pieces.values.dtype, self._folder), 0
        for _, ids in self._blocks(rows):
            found = pieces.at(ids.astype(np.int64)).values
            values[done : done + len(found)] = found
            done += len(found)
        return Ragged(values, starts)
