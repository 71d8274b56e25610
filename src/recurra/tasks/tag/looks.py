"""What a tagger sees of each different token: its word and its letters, looked up once however often it is there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.data.packed import numbered
from recurra.data.ragged import Ragged
from recurra.data.tagged.sentences import Sentence
from recurra.tasks.tag.lexicon import Lexicon

Ids = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Looks:
    """Of K different tokens.

    index: where each stands; words: int64 [K], its own; letters: the ids of its characters, none where they are not
    read
    """

    index: dict[str, int]
    words: Ids
    letters: Ragged

    @classmethod
    def of(cls, sentences: Iterable[Sentence], lexicon: Lexicon) -> Looks:
        """Of the tokens of some sentences, in the order of their appearance."""
        tokens = list(dict.fromkeys(chain.from_iterable(sentence.tokens for sentence in sentences)))
        letters = Ragged(np.zeros(0, np.uint8), np.zeros(len(tokens) + 1, np.int64))
        if lexicon.characters is not None:
            letters = Ragged.of(lexicon.characters.encode_all(tokens), len(lexicon.characters))
        index = {token: place for place, token in enumerate(tokens)}
        return cls(index, lexicon.words.encode_tokens(tokens), letters)

    def ids(self, sentences: Sequence[Sentence]) -> Ragged:
        """Of each sentence those of its tokens."""
        sizes = np.fromiter(map(len, sentences), np.int64, len(sentences))
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
        tokens = chain.from_iterable(sentence.tokens for sentence in sentences)
        kind = np.min_scalar_type(len(self.index))
        return Ragged(np.fromiter(map(self.index.__getitem__, tokens), kind, int(starts[-1])), starts)

    def alike(self) -> npt.NDArray[np.uint64]:
        """A number for each token, the same for those that have the same word and letters. Shapes: uint64 [K]"""
        return numbered(self.letters.keys(), self.words)[0].astype(np.uint64)


def by_appearance(values: npt.NDArray[Any], count: int) -> tuple[Ids, npt.NDArray[Any]]:
    """The different ones of some numbers below `count`, in the order of their appearance, and of each its place there.

    Shapes: [N] -> int64 [D], [N]
    """
    first = np.full(count, len(values))
    first[values[::-1]] = np.arange(len(values))[::-1]  # the last that is written stays
    found = np.flatnonzero(first < len(values))
    found = found[np.argsort(first[found])]
    place = np.zeros(count, np.min_scalar_type(max(len(found) - 1, 0)))
    place[found] = np.arange(len(found))
    return found, place[values]
