"""A word-for-word dictionary learned from sentence pairs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt

ROUNDS = 5
MOST = 50_000_000
"""Pairs of words that are learned from; they take 2 GB."""
_WORD = re.compile(r"\w+|[^\w\s]")


Cut = Callable[[str], list[str]]


class Ibm1:
    """Which word of a sentence each word of its translation comes from, learned by expectation and maximisation.

    Maths:  p(f | e) with an empty word beside the source's words; each round counts the pairs of words of a sentence
            pair by p(f | e) / sum over its e' of p(f | e'), and divides by the counts of e
    Source: Brown et al. 1993, The mathematics of statistical machine translation (model 1)
    """

    def __init__(self, dictionary: dict[str, str], entries: int, cut: Cut) -> None:
        self.dictionary, self.entries, self._cut = dictionary, entries, cut

    @classmethod
    def fit(
        cls, sources: Sequence[str], targets: Sequence[str], *, rounds: int = ROUNDS, cut: Cut | None = None
    ) -> Ibm1:
        """Learn from pairs of sentences, the shorter ones if all have more than MOST pairs of words.

        cut: the words of a sentence; without it, see `words`
        Memory: about 40 bytes for each pair of words of each pair of sentences
        """
        cut = cut or words
        source_words, target_words = _few([cut(text) for text in sources], [cut(text) for text in targets])
        of_source, e_names = _numbered(source_words, 1)  # 0 is the empty word
        of_target, f_names = _numbered(target_words, 0)
        # every pair of words of every sentence pair: which token of a translation, which dictionary entry
        tokens: list[npt.NDArray[np.int64]] = []
        keys: list[npt.NDArray[np.int64]] = []
        width, before = len(f_names), 0
        for e, f in zip(of_source, of_target, strict=True):
            e = np.append(e, 0)
            keys.append((e[:, None] * width + f).ravel())
            tokens.append(np.tile(np.arange(before, before + len(f)), len(e)))
            before += len(f)
        entry_keys, entry = np.unique(np.concatenate(keys), return_inverse=True)
        token = np.concatenate(tokens)
        e_of, f_of = entry_keys // width, entry_keys % width
        chance = np.ones(len(entry_keys))
        for _ in range(rounds):
            weight = chance[entry]
            weight /= np.bincount(token, weight, before)[token]
            counts = np.bincount(entry, weight, len(entry_keys))
            chance = counts / np.bincount(e_of, counts, len(e_names) + 1)[e_of]
        order = np.lexsort((f_of, -chance, e_of))
        first = np.unique(e_of[order], return_index=True)[1]
        best = {int(e_of[i]): f_names[f_of[i]] for i in order[first]}
        dictionary = {name: best[number] for number, name in enumerate(e_names, start=1) if number in best}
        return cls(dictionary, len(entry_keys), cut)

    def translate(self, texts: Iterable[str]) -> list[list[str]]:
        """Each word's most probable translation, in the order of the source; unknown words as they are."""
        return [[self.dictionary.get(word, word) for word in self._cut(text)] for text in texts]

    def size_bytes(self) -> int:
        """Of the dictionary as a text of two columns."""
        return sum(len(e.encode()) + len(f.encode()) + 2 for e, f in self.dictionary.items())


def _few(sources: list[list[str]], targets: list[list[str]]) -> tuple[list[list[str]], list[list[str]]]:
    """The shortest pairs of sentences that have MOST pairs of words together; all if they have fewer."""
    products = np.array([(len(s) + 1) * len(t) for s, t in zip(sources, targets, strict=True)], np.int64)
    if products.sum() <= MOST:
        return sources, targets
    order = np.argsort(products, kind="stable")
    kept = np.sort(order[np.cumsum(products[order]) <= MOST]).tolist()
    if not kept:
        one = int(order[0])
        return [sources[one][:1000]], [targets[one][:1000]]
    return [sources[i] for i in kept], [targets[i] for i in kept]


def words(text: str) -> list[str]:
    """Runs of letters and digits, and every other sign by itself."""
    return _WORD.findall(text)


def _numbered(cut: list[list[str]], first: int) -> tuple[list[npt.NDArray[np.int64]], list[str]]:
    """Each text's words as numbers from `first`, by falling frequency, and the words in that order."""
    names = [name for name, _ in Counter(word for row in cut for word in row).most_common()]
    numbers = {name: number for number, name in enumerate(names, start=first)}
    return [np.array([numbers[word] for word in row], dtype=np.int64) for row in cut], names
