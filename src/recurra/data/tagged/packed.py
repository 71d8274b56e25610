"""Many tagged sentences in a few arrays: an object for each would take many times the memory of what stands in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import overload

import numpy as np
import numpy.typing as npt

from recurra.data.ragged import Ragged
from recurra.data.tagged.sentences import Sentence

Int64 = npt.NDArray[np.int64]


class PackedSentences(Sequence[Sentence]):
    """Sentences of one file, read only, each made when it is asked for.

    tokens: the different ones; encoded: of each sentence the indices of its own; names: of all tags; tags: of each
    sentence the indices of its own; lines: of each sentence those of its tokens, from 1
    """

    def __init__(
        self, file: Path, tokens: Sequence[str], encoded: Ragged, names: Sequence[str], tags: Ragged, lines: Ragged
    ) -> None:
        self.file, self._given, self.names = file, tokens, names
        self.encoded, self.tags, self.lines = encoded, tags, lines

    @cached_property
    def tokens(self) -> list[str]:
        """The different ones, all of them in memory."""
        return list(self._given)

    def __len__(self) -> int:
        return len(self.encoded)

    @overload
    def __getitem__(self, index: int) -> Sentence: ...
    @overload
    def __getitem__(self, index: slice) -> list[Sentence]: ...
    def __getitem__(self, index: int | slice) -> Sentence | list[Sentence]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return self._sentence(self.encoded[index], self.tags[index], self.lines[index])

    def __iter__(self) -> Iterator[Sentence]:
        return map(self._sentence, self.encoded, self.tags, self.lines)

    def _sentence(self, ids: Int64, tags: Int64, lines: Int64) -> Sentence:
        tokens, names = map(self.tokens.__getitem__, ids.tolist()), map(self.names.__getitem__, tags.tolist())
        return Sentence(tuple(tokens), tuple(names), self.file, tuple(lines.tolist()))

    def at(self, indices: Int64) -> PackedSentences:
        """The sentences at some places."""
        encoded, tags, lines = (rows.at(indices) for rows in (self.encoded, self.tags, self.lines))
        return PackedSentences(self.file, self.tokens, encoded, self.names, tags, lines)
