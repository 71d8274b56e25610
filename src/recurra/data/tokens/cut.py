"""How texts are cut into words, as plain values that another process can be told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from recurra.data.tokens import segment
from recurra.data.tokens.normalize import normalize
from recurra.data.tokens.subwords import words_of

MOST = 1 << 20
"""Words, after which a numbering begins anew, so that it does not grow with the text."""
Kind = Literal["words", "pieces", "between spaces"]


@dataclass(frozen=True)
class Cut:
    """A way to cut. kind: "words" and "pieces" are those of `segment`, the latter of texts that are normalised already;
    "between spaces": what sub-words are cut from"""

    kind: Kind
    normalize: tuple[str, ...] = ()
    split: segment.Split = "words"

    def __call__(self, text: str) -> list[str]:
        match self.kind:
            case "words":
                return segment.words(normalize(text, self.normalize), self.split)
            case "pieces":
                return segment.pieces(text, self.split)
            case "between spaces":
                return words_of(text, self.normalize)


class Numbered(NamedTuple):
    """Some texts as words that are numbered in the order of their appearance.

    known: words that were numbered before these texts; words: those that follow
    Shapes: sizes int64 [texts], words of each; ids uint32 [words of all]
    """

    sizes: npt.NDArray[np.int64]
    known: int
    words: list[str]
    ids: npt.NDArray[np.uint32]


class Numbering:
    """Texts cut and numbered, some after the others."""

    def __init__(self, cut: Cut) -> None:
        self._cut, self._numbers = cut, dict[str, int]()

    def of(self, texts: Sequence[str]) -> Numbered:
        """Each text cut."""
        if len(self._numbers) > MOST:
            self._numbers = {}
        found, numbers, known = [self._cut(text) for text in texts], self._numbers, len(self._numbers)
        sizes = np.fromiter(map(len, found), np.int64, len(found))
        # a dictionary's length is taken before the word is put into it
        ids = np.fromiter(
            (numbers.setdefault(word, len(numbers)) for word in chain.from_iterable(found)), np.uint32, int(sizes.sum())
        )
        return Numbered(sizes, known, list(islice(numbers, known, None)), ids)
