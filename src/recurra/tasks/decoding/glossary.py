"""A word-for-word dictionary, whose answer a translator of few pairs reads after each source and may copy from."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from recurra.data import share
from recurra.data.tokens.scripts import words
from recurra.data.tokens.vocabulary import Vocabulary
from recurra.tasks.decoding.spelling import Subwords, join_words, pieces

Ids = npt.NDArray[np.int64]
MOST_PAIRS = 100_000
"""The dictionary learns from so many pairs at most, which need about 1 GB of memory."""
FOLDS = 5
"""Parts of the training pairs, each of which is glossed by what the others teach."""


class Glossary:
    """Each word's most probable translation. A text's gloss is that of its words in their order, unknown ones as they
    are: names and numbers above all."""

    def __init__(self, translations: Mapping[str, str]) -> None:
        self.translations = dict(translations)

    @classmethod
    def learned(cls, sources: Sequence[str], targets: Sequence[str]) -> Glossary:
        """Of pairs of sentences, see baselines.ibm1. Errors: ValueError for none"""
        from recurra.baselines.ibm1 import Ibm1

        some = slice(None, None, max(1, -(-len(sources) // MOST_PAIRS)))
        return cls(Ibm1.fit(sources[some], targets[some], cut=words).dictionary)

    def __len__(self) -> int:
        return len(self.translations)

    def of(self, text: str) -> str:
        """The gloss of a text."""
        return join_words([self.translations.get(word, word) for word in words(text)])


def crossed(sources: Sequence[str], targets: Sequence[str]) -> list[str]:
    """The glosses of the pairs that a dictionary is learned from, each by a dictionary that has not seen it.

    One that has would be right far too often, and a network would learn to believe it. Equal sources stand together.
    Each part is a unit of `share.add`.
    """
    fold = np.array([zlib.crc32(text.strip().encode()) % FOLDS for text in sources])
    found = [""] * len(sources)
    for number in range(FOLDS):
        own, others = np.flatnonzero(fold == number).tolist(), np.flatnonzero(fold != number).tolist()
        if own:
            taught = Glossary.learned(*([side[i] for i in others] for side in (sources, targets))) if others else None
            for i in own:
                found[i] = sources[i] if taught is None else taught.of(sources[i])
        share.add(1)
    return found


def glossed(row: Ids, gloss: Ids, sizes: tuple[int, int]) -> Ids:
    """What a network reads: a source with its end, then its gloss, whose tokens are numbered after those of the source.

    A gloss is cut where it is far longer than its source. sizes: tokens of both vocabularies, without their ends
    Shapes: row [S], with its end; gloss [T], without -> [S + T + 1]
    """
    source, target = sizes
    cut = gloss[: most_of(len(row))]
    return np.concatenate([row, cut + source + 1, [source + 1 + target]])


def tokens_read(
    source: Vocabulary | Subwords, target: Vocabulary | Subwords, glossary: Glossary | None, text: str, length: int
) -> list[str | None]:
    """The tokens of what is read of a text, None for an end. length: of its own tokens, with the end"""
    found: list[str | None] = [*pieces(source, text)[: length - 1], None]
    if glossary is None:
        return found
    return [*found, *pieces(target, glossary.of(text))[: most_of(length)], None]


def most_of(length: int) -> int:
    """Tokens of a gloss, at most, for a source of so many."""
    return 2 * length + 10


def all_glossed(rows: Iterable[Ids], glosses: Iterable[Ids], sizes: tuple[int, int]) -> Iterable[Ids]:
    """As `glossed`, of many."""
    return (glossed(row, gloss, sizes) for row, gloss in zip(rows, glosses, strict=True))
