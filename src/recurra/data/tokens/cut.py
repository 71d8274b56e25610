"""How texts are cut into words, as plain values that another process can be told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from recurra.data.tokens import segment
from recurra.data.tokens.normalize import normalize
from recurra.data.tokens.subwords import words_of

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

    Shapes: sizes int64 [texts], words of each; ids uint32 [words of all]
    """

    sizes: npt.NDArray[np.int64]
    words: list[str]
    ids: npt.NDArray[np.uint32]


def numbered(cut: Cut, texts: Sequence[str]) -> Numbered:
    """Each text cut."""
    found, numbers = [cut(text) for text in texts], dict[str, int]()
    sizes = np.fromiter(map(len, found), np.int64, len(found))
    # a dictionary's length is taken before the word is put into it
    ids = np.fromiter(
        (numbers.setdefault(word, len(numbers)) for word in chain.from_iterable(found)), np.uint32, int(sizes.sum())
    )
    return Numbered(sizes, list(numbers), ids)
