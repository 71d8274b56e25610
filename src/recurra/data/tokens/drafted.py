"""Texts cut into words once: counted first, then read by the vocabulary that is made of the counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from recurra.data.corpus.draft import Numbers
from recurra.data.ragged import Ragged
from recurra.data.tokens import segment
from recurra.data.tokens.normalize import normalize
from recurra.data.tokens.vocabulary import Vocabulary

Uint32 = npt.NDArray[np.uint32]
MOST_WORDS = 1 << 32


class Drafted:
    """Some texts as preliminary ids, in the order of the words' appearance. names: of normalisations"""

    def __init__(self, texts: Iterable[str], names: tuple[str, ...], split: segment.Split) -> None:
        self.words = Numbers()
        self.rows = Ragged.of(self._read(texts, names, split), MOST_WORDS)

    def _read(
        self, texts: Iterable[str], names: tuple[str, ...], split: segment.Split
    ) -> Iterator[npt.NDArray[np.uint32]]:
        number = self.words.__getitem__
        for text in texts:
            found = segment.words(normalize(text, names), split)
            yield np.fromiter(map(number, found), np.uint32, len(found))

    def count(self, texts: int) -> Counter[str]:
        """How often each word occurs in the first so many texts."""
        counts = np.bincount(self.rows.values[: self.rows.starts[texts]], minlength=len(self.words.names))
        names = self.words.names
        return Counter({names[index]: int(counts[index]) for index in np.flatnonzero(counts).tolist()})

    def encoded(self, vocabulary: Vocabulary, start: int, stop: int) -> Ragged:
        """The texts from start to stop as `Vocabulary.encode` reads them."""
        table = np.zeros(max(1, len(self.words.names)), np.min_scalar_type(len(vocabulary) - 1))
        for index, token in enumerate(vocabulary.tokens):
            if index and (number := self.words.get(token)) is not None:
                table[number] = index
        starts = self.rows.starts[start : stop + 1]
        values = self.rows.values[starts[0] : starts[-1]]
        return Ragged(table[values], starts - starts[0])
