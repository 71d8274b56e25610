"""The most frequent tag of each word: a tagger's baseline, for it never looks at a word's neighbours."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

LONGEST_SUFFIX = 4
RARE = 5
"""Suffixes are learned from words that occur so often at most, which is what unknown words are like."""


class FrequentTag:
    """Tags of words, of endings and of anything else.

    Source: Brill 1992, A simple rule-based part of speech tagger, its initial state; suffixes as Brants 2000, TnT
    """

    def __init__(self, words: dict[str, str], suffixes: dict[str, str], otherwise: str) -> None:
        self.words, self.suffixes, self.otherwise = words, suffixes, otherwise

    @classmethod
    def fit(
        cls, tokens: Iterable[Sequence[str]], tags: Iterable[Sequence[str]], *, suffixes: bool = True
    ) -> FrequentTag:
        """From sentences. suffixes: unknown words go by their longest known ending, else all get the commonest tag."""
        of_word: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for words, names in zip(tokens, tags, strict=True):
            for word, tag in zip(words, names, strict=True):
                of_word[word][tag] += 1
        of_suffix: defaultdict[str, Counter[str]] = defaultdict(Counter)
        everywhere: Counter[str] = Counter()
        for word, counts in of_word.items():
            everywhere.update(counts)
            if suffixes and counts.total() <= RARE:
                for length in range(1, min(LONGEST_SUFFIX, len(word)) + 1):
                    of_suffix[word[-length:]].update(counts)
        return cls(_best(of_word), _best(of_suffix), _most(everywhere))

    def tag(self, tokens: Sequence[str]) -> list[str]:
        """The tags of a sentence."""
        return [self.words.get(token) or self._unknown(token) for token in tokens]

    def size_bytes(self) -> int:
        """Of its tables as text."""
        rows = (*self.words.items(), *self.suffixes.items())
        return sum(len(key.encode()) + len(tag.encode()) + 2 for key, tag in rows)

    def _unknown(self, token: str) -> str:
        for length in range(min(LONGEST_SUFFIX, len(token)), 0, -1):
            if found := self.suffixes.get(token[-length:]):
                return found
        return self.otherwise


def _best(counts: dict[str, Counter[str]]) -> dict[str, str]:
    return {key: _most(found) for key, found in counts.items()}


def _most(counts: Counter[str]) -> str:
    """The commonest, among equals the first by name."""
    return min(counts, key=lambda tag: (-counts[tag], tag))
