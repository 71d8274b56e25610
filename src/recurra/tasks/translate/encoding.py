"""Sentence pairs to ids: a vocabulary for each side, and the rows of a part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.data.files.pair_rows import PairRows, Pairs
from recurra.data.ragged import Ragged
from recurra.data.tokens import chinese
from recurra.data.tokens.counting import count_characters
from recurra.data.tokens.drafted import Drafted
from recurra.data.tokens.scripts import is_unspaced, writing
from recurra.data.tokens.subwords import Subwords
from recurra.data.tokens.vocabulary import Vocabulary
from recurra.tasks.checked_rows import CheckedRows
from recurra.tasks.cutting import Indices, picked
from recurra.tasks.decoding.glossary import all_glossed
from recurra.tasks.translate.preprocessor import TranslatePreprocessor, Words
from recurra.tasks.translate.reading import Drafts
from recurra.tasks.translate.settings import TranslateDataSettings

Ids = npt.NDArray[np.int64]
SIZE = 4000
"""Tokens of a vocabulary, unless set."""
PAIRS_A_PIECE, LEAST = 5, 500
"""Pairs of sentences for each sub-word, of which there are LEAST to SIZE: what is seen too seldom is better spelt."""
LARGEST_ID = 1 << 32
"""No id, and no length, is as large."""
Sides = tuple[Ragged, Ragged]
"""Sources and targets of the same pairs, without their ends."""


@dataclass(frozen=True)
class PairPart:
    """Pairs of one part, encoded; each row ends with the id of the end, `len(vocabulary)`.

    left_out: pairs dropped because a side was too long; truncated: sides truncated to max_length tokens
    """

    sources: Sequence[str]
    targets: Sequence[str]
    encoded_sources: Ragged
    encoded_targets: Ragged
    left_out: int = 0
    truncated: int = 0

    def checked_rows(self, most: int) -> CheckedRows:
        """A pair is one too many where both sides are there twice."""
        count = min(most, len(self))
        sources = [np.asarray(self.encoded_sources[k]) for k in range(count)]
        keys = [row.tobytes() + b"|" + np.asarray(self.encoded_targets[k]).tobytes() for k, row in enumerate(sources)]
        return CheckedRows(sources, keys)

    def __len__(self) -> int:
        return len(self.sources)

    def at(self, indices: Indices) -> PairPart:
        """The pairs at some indices."""
        return replace(
            self,
            sources=picked(self.sources, indices),
            targets=picked(self.targets, indices),
            encoded_sources=picked(self.encoded_sources, indices),
            encoded_targets=picked(self.encoded_targets, indices),
        )


def build_vocabulary(
    texts: Sequence[str], settings: TranslateDataSettings, counts: Counter[str] | None = None
) -> Words:
    """Of one side's training sentences. counts: of their words, where they are tokens and known

    Errors: UsageError; DataError
    """
    level = settings.level or "bpe"
    if level == "bpe":
        return Subwords.build(
            texts,
            normalize=settings.normalize,
            min_count=settings.min_count,
            max_size=size_of(texts, settings),
        )
    rarest, largest = (1, None) if level == "byte" else (settings.min_count, settings.max_vocabulary or SIZE)
    how: dict[str, Any] = {"level": level, "normalize": settings.normalize, "split": settings.word_split}
    if counts is not None:
        return Vocabulary.from_counts(counts, **how, min_count=rarest, max_size=largest)
    return Vocabulary.build(texts, **how, min_count=rarest, max_size=largest)


def size_of(texts: Sequence[str], settings: TranslateDataSettings) -> int:
    """Sub-words of so many sentences, as asked. In a script like Chinese at least its thousands of characters, of which
    all but single ones count; where sentences are many these come on top."""
    if settings.max_vocabulary is not None:
        return settings.max_vocabulary
    pieces = min(max(len(texts) // PAIRS_A_PIECE, LEAST), SIZE)
    if not is_unspaced(writing(texts)):
        return pieces
    characters = sum(count > 1 for count in count_characters(texts).values())
    return max(characters, pieces + int(characters * max(2 * pieces / SIZE - 1, 0)))


def encode_side(texts: Iterable[str], vocabulary: Words) -> Iterator[Ids]:
    """Ids of some sentences, without the end; one that normalisation empties is one unknown token."""
    rows = vocabulary.encode_all(texts) if isinstance(vocabulary, Subwords) else map(vocabulary.encode, texts)
    return (row if len(row) else np.zeros(1, np.int64) for row in rows)


def read_rows(preprocessor: TranslatePreprocessor, rows: Sequence[Ids], texts: Iterable[str]) -> Sequence[Ids]:
    """Sources as a network reads them: with their glosses, if it has a dictionary. rows: encoded, with their ends"""
    if preprocessor.glossary is None:
        return rows
    glosses = encode_side(map(preprocessor.glossary.of, texts), preprocessor.target)
    return Ragged.of(all_glossed(rows, glosses, preprocessor.sizes), sum(preprocessor.sizes) + 2)


def ended(row: Ids, vocabulary: Words) -> Ids:
    """A row with the end after it."""
    return np.append(row, len(vocabulary))


class Side:
    """One side's sentences to ids. vocabulary: what reads them; settings: by which the drafts were cut"""

    def __init__(self, vocabulary: Words, settings: TranslateDataSettings) -> None:
        self.vocabulary = vocabulary
        level, normalize = settings.level or "bpe", tuple(settings.normalize)
        self._fits = (vocabulary.level, vocabulary.normalize) == (level, normalize)
        if isinstance(vocabulary, Vocabulary) and level == "word":
            found = vocabulary.segmenter
            self._fits &= vocabulary.split == settings.word_split
            self._fits &= found is None or found.identity == chinese.segmenter().identity
        self._pieces: tuple[Drafted, Ragged] | None = None

    def encoded(self, texts: Sequence[str], drafted: Drafted | None, rows: Indices | None) -> Ragged:
        """Without the end; one of which normalisation leaves nothing is one unknown token. rows: in the draft"""
        if drafted is None or rows is None or not self._fits:
            return Ragged.of(encode_side(texts, self.vocabulary), len(self.vocabulary) + 1)
        if isinstance(self.vocabulary, Subwords):
            found = drafted.in_pieces(self._pieces_of(drafted, self.vocabulary), rows)
        else:
            found = drafted.encoded(self.vocabulary, rows)
        return found.ended(0, found.lengths == 0)

    def _pieces_of(self, drafted: Drafted, subwords: Subwords) -> Ragged:
        """Of each word of a draft, found once."""
        if self._pieces is None or self._pieces[0] is not drafted:
            self._pieces = drafted, subwords.encode_words(drafted.words.names)
        return self._pieces[1]


def encode_sides(pairs: Pairs, source: Side, target: Side, drafts: Drafts = (None, None)) -> Sides:
    """Of some pairs. drafts: of the file that they are from"""
    rows = pairs.items.rows if isinstance(pairs.items, PairRows) else None
    return source.encoded(pairs.sources, drafts[0], rows), target.encoded(pairs.targets, drafts[1], rows)


def encode_pairs(
    pairs: Pairs,
    rows: Sides,
    ends: tuple[int, int],
    settings: TranslateDataSettings,
    *,
    learned: bool,
    folder: Path | None = None,
) -> PairPart:
    """A part encoded. Pairs to learn from that are too long are dropped or truncated, as too_long says. Of pairs to
    evaluate none is dropped, since scores would not be comparable: their sources are truncated.

    rows: of the pairs; ends: the ids of the ends of both sides; folder: see data.room
    """
    longest = LARGEST_ID if settings.max_length is None else settings.max_length
    sources, targets = rows
    over = np.stack([sources.lengths > longest, learned & (targets.lengths > longest)])
    left_out = 0
    if learned and settings.too_long == "drop" and over.any():
        kept = np.flatnonzero(~over.any(0))
        left_out = len(pairs) - len(kept)
        sources, targets = sources.at(kept, folder), targets.at(kept, folder)
        over, pairs = over[:, kept], pairs.at(kept)
    # a translation that was truncated has no end: the decoder must not learn to stop there
    written = targets.cut(np.where(over[1], longest, targets.lengths)).ended(ends[1], ~over[1], folder)
    read = sources.cut(longest).ended(ends[0], folder=folder)
    return PairPart(pairs.sources, pairs.targets, read, written, left_out, int(over.sum()))
