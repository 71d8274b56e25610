"""Words numbered as they appear: by a dictionary, and by sorted hashes where that would no longer fit a cache."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from recurra.data.tokens.segment import END_OF_LINE

Int64 = npt.NDArray[np.int64]
Uint32 = npt.NDArray[np.uint32]
LARGE = 1 << 15
"""Words, from which hashes are looked up in order: one at random in a dictionary waits for memory four times."""
RECENT = 8
"""Words that were there before the recent ones are so many times as many at least, so that few are moved often."""


class Numbers:
    """The number of each word, which is given when it first appears. names: words by their number

    A line feed has the number of the token that stands for it. From LARGE words on two are taken for one if Python's
    hashes of 64 bits, which are others in each process, are the same: of a million, once in 10^7 texts.
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self._numbers: dict[str, int] | None = _Growing(self.names)
        self._known, self._recent = _none(), _none()

    def of(self, words: Sequence[str]) -> Uint32:
        """Of some words one after the other. Shapes: -> uint32 [words]"""
        if self._numbers is not None:
            found = np.fromiter(map(self._numbers.__getitem__, words), np.uint32, len(words))
            if len(self.names) >= LARGE:
                self._sort()
            return found
        keys = _hashes(words)
        order = np.argsort(keys)
        ordered = keys[order]
        starts = np.flatnonzero(np.concatenate([np.ones(min(1, len(keys)), bool), ordered[1:] != ordered[:-1]]))
        numbers = self._looked_up(ordered[starts])
        new = np.flatnonzero(numbers < 0)
        numbers[new] = np.arange(len(self.names), len(self.names) + len(new))
        self.names += [words[place] for place in order[starts[new]].tolist()]
        self._learn(ordered[starts[new]], numbers[new])
        found = np.empty(len(keys), np.uint32)
        found[order] = np.repeat(numbers, np.diff(np.append(starts, len(keys))))
        return found

    def find(self, words: Iterable[str]) -> Int64:
        """Of some words, -1 of one that did not appear. Shapes: -> int64 [words]"""
        if self._numbers is not None:
            return np.array([self._numbers.get(word, -1) for word in words], np.int64)
        keys = _hashes(list(words))
        order = np.argsort(keys)
        found = np.empty(len(keys), np.int64)
        found[order] = self._looked_up(keys[order])
        return found

    def _sort(self) -> None:
        """From now on by hashes."""
        assert self._numbers is not None
        _ = self._numbers["\n"]
        keys, numbers = _hashes(list(self._numbers)), np.array(list(self._numbers.values()), np.int64)
        order = np.argsort(keys)
        self._known, self._numbers = (keys[order], numbers[order]), None

    def _looked_up(self, keys: Int64) -> Int64:
        """keys: in order"""
        found = np.full(len(keys), -1)
        for own, numbers in (self._known, self._recent):
            if len(own):
                at = np.minimum(np.searchsorted(own, keys), len(own) - 1)
                same = own[at] == keys
                found[same] = numbers[at[same]]
        return found

    def _learn(self, keys: Int64, numbers: Int64) -> None:
        self._recent = _joined(self._recent, (keys, numbers))
        if RECENT * len(self._recent[0]) > len(self._known[0]):
            self._known, self._recent = _joined(self._known, self._recent), _none()


class _Growing(dict[str, int]):
    """names: the words, to which new ones are added"""

    def __init__(self, names: list[str]) -> None:
        super().__init__()
        self._names = names

    def __missing__(self, word: str) -> int:
        if word == "\n":
            number = self[END_OF_LINE]
        else:
            number = len(self._names)
            self._names.append(word)
        self[word] = number
        return number


def _none() -> tuple[Int64, Int64]:
    return np.zeros(0, np.int64), np.zeros(0, np.int64)


def _hashes(words: Sequence[str]) -> Int64:
    return np.fromiter(map(hash, words), np.int64, len(words))


def _joined(one: tuple[Int64, Int64], other: tuple[Int64, Int64]) -> tuple[Int64, Int64]:
    keys, numbers = np.concatenate([one[0], other[0]]), np.concatenate([one[1], other[1]])
    order = np.argsort(keys)
    return keys[order], numbers[order]
