"""Texts cut into words once: counted first, then read by the vocabulary that is made of the counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from recurra.data.corpus.draft import Numbers
from recurra.data.packed import OnDisk
from recurra.data.ragged import BLOCK, Int64, Keys, Ragged, row_keys
from recurra.data.tokens import segment
from recurra.data.tokens.normalize import normalize
from recurra.data.tokens.vocabulary import Vocabulary

Uint32 = npt.NDArray[np.uint32]


class Drafted:
    """Some texts as preliminary ids, in the order of the words' appearance.

    names: of normalisations; folder: where a file for the ids is, which nobody sees; in memory without one
    """

    def __init__(
        self, texts: Iterable[str], names: tuple[str, ...], split: segment.Split, folder: Path | None = None
    ) -> None:
        self.words = Numbers()
        self._file = None if folder is None else OnDisk.unseen(folder)
        self._blocks: list[Uint32] = []
        self.starts = self._read(texts, names, split)

    def _read(self, texts: Iterable[str], names: tuple[str, ...], split: segment.Split) -> Int64:
        """Returns where each text begins and the last ends."""
        number, sizes = self.words.__getitem__, [np.zeros(1, np.int64)]
        left = iter(texts)
        while some := list(islice(left, BLOCK)):
            cut = [segment.words(normalize(text, names), split) for text in some]
            sizes.append(np.fromiter(map(len, cut), np.int64, len(cut)))
            ids = np.fromiter(map(number, chain.from_iterable(cut)), np.uint32, int(sizes[-1].sum()))
            if self._file is None:
                self._blocks.append(ids)
            else:
                self._file.add(ids.tobytes())
        if self._file is not None:
            self._file.close_for_adding()
        return np.concatenate(sizes).cumsum()

    def __len__(self) -> int:
        return len(self.starts) - 1

    def _each(self) -> Iterator[tuple[int, Int64, Uint32]]:
        """Of each block of texts the first one's place, where each begins in it, and the ids."""
        for number, first in enumerate(range(0, len(self), BLOCK)):
            starts = self.starts[first : first + BLOCK + 1]
            if self._file is None:
                ids = self._blocks[number]
            else:
                ids = np.frombuffer(self._file.read(4 * int(starts[0]), 4 * int(starts[-1])), np.uint32)
            yield first, starts - starts[0], ids

    def keys(self, longest: int | None = None) -> Keys:
        """See Ragged.keys, of the preliminary ids. Shapes: uint64 [N]"""
        return np.concatenate(
            [np.zeros(0, np.uint64), *(row_keys(ids, starts, longest) for _, starts, ids in self._each())]
        )

    def count(self, rows: Int64) -> Counter[str]:
        """How often each word occurs in some of the texts."""
        counted = np.zeros(len(self), np.bool_)
        counted[rows] = True
        counts = np.zeros(len(self.words.names), np.int64)
        for first, starts, ids in self._each():
            found = np.bincount(ids[np.repeat(counted[first : first + BLOCK], np.diff(starts))])
            counts[: len(found)] += found
        names = self.words.names
        return Counter({names[index]: int(counts[index]) for index in np.flatnonzero(counts).tolist()})

    def encoded(self, vocabulary: Vocabulary) -> Ragged:
        """The texts as `Vocabulary.encode` reads them."""
        table = np.zeros(max(1, len(self.words.names)), np.min_scalar_type(len(vocabulary) - 1))
        for index, token in enumerate(vocabulary.tokens):
            if index and (number := self.words.get(token)) is not None:
                table[number] = index
        values = np.empty(int(self.starts[-1]), table.dtype)
        for first, starts, ids in self._each():
            begin = int(self.starts[first])
            values[begin : begin + int(starts[-1])] = table[ids]
        return Ragged(values, self.starts)
