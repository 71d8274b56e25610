"""Labelled texts as a classifier takes them."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.baselines.sparse_logistic import SparseLogistic
from recurra.data import share
from recurra.data.files.examples import Examples, joined, look_alikes
from recurra.data.files.rows import ExampleRows
from recurra.data.ragged import Ragged, lengths_of
from recurra.data.splits import why_empty
from recurra.data.tokens.vocabulary import Level, Vocabulary
from recurra.data.twins import describe_moved, describe_shared, regrouped
from recurra.errors import DataError
from recurra.tasks.checked_rows import CheckedRows
from recurra.tasks.classify import reading, stored
from recurra.tasks.classify.few import Crossed, few_features, fit_few, is_few
from recurra.tasks.classify.linear import (
    MOST_SPELT,
    Features,
    Texts,
    fit_linear,
    known_letters,
    letters_of,
    rare_features,
    weighed_features,
)
from recurra.tasks.classify.preprocessor import ClassifyPreprocessor
from recurra.tasks.classify.settings import ClassifyDataSettings
from recurra.tasks.cutting import picked
from recurra.tasks.read_once import kept_features, read_once
from recurra.tasks.sources.source import Source, in_memory
from recurra.tasks.text.usual import mostly_chinese


@dataclass(frozen=True)
class Part:
    """Texts of one part, encoded.

    labels: int64 [N], indices in the list of classes; truncated: texts that were too long; empty: texts of which
    normalisation left nothing, which became one unknown token; groups: of each text, where some belong together;
    examples: where each text stands; letters: of each text, where the network or its linear skip reads them
    """

    texts: Sequence[str]
    encoded: Sequence[npt.NDArray[np.int64]]
    labels: npt.NDArray[np.int64]
    truncated: int = 0
    empty: int = 0
    groups: list[str] | None = None
    examples: Examples | None = None
    letters: list[npt.NDArray[np.int64]] | None = None

    def checked_rows(self, most: int) -> CheckedRows:
        return CheckedRows(
            [np.asarray(row) for row in self.encoded[:most]], None, self.labels[:most], self.texts[:most], self.place
        )

    def __len__(self) -> int:
        return len(self.texts)

    def read(self, *, spelling: bool) -> Texts:
        """What a linear classifier reads of it."""
        return Texts(self.encoded, self.letters if spelling else None)

    def at(self, indices: npt.NDArray[np.int64]) -> Part:
        """The texts at some indices."""
        examples = self.examples
        return replace(
            self,
            texts=picked(self.texts, indices),
            encoded=picked(self.encoded, indices),
            labels=self.labels[indices],
            groups=None if self.groups is None else [self.groups[i] for i in indices],
            letters=None if self.letters is None else [self.letters[i] for i in indices],
            examples=None if examples is None else examples.at(indices),
        )

    def place(self, index: int) -> str:
        """File and line of a text."""
        if self.examples is None:
            return ""
        item = self.examples.items[index]
        return f"{item.file.name}:{item.line}"


@dataclass(frozen=True)
class ClassifyData:
    """Everything a classifier learns from and is evaluated on.

    facts: what was read and done to it, plain values; kept: the preprocessor that was used instead of one learned from
    these data; skip: whether a linear skip is learned from them; spelling: whether it reads characters beside words;
    characters: those that the network itself reads beside words, none if it reads words alone
    """

    classes: list[str]
    vocabulary: Vocabulary
    parts: dict[str, Part]
    facts: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    kept: ClassifyPreprocessor | None = None
    skip: bool = False
    spelling: bool = False
    minutes: float | None = None
    """Of the run."""
    characters: str = ""
    place: Path | None = None
    """Of the cache, where they are stored."""

    @property
    def preprocessor(self) -> ClassifyPreprocessor:
        """What a model has learned of them."""
        if self.kept is not None:
            return self.kept
        count = len(self.skip_features[0]) if self.skip else 0
        return ClassifyPreprocessor(self.vocabulary, self.classes, count, self.spelling, self.characters)

    @functools.cached_property
    def skip_features(self) -> Features:
        """The n-grams that the linear skip reads, see tasks.classify.linear."""
        train, minutes = self.parts["train"], self.minutes
        if self.few:
            return few_features(self._learned_from(), len(self.classes), self.vocabulary.level)

        def found() -> Features:
            read = train.read(spelling=self.spelling)
            return weighed_features(read, train.labels, len(self.classes), self.vocabulary.level, minutes)

        # of a part of the stored rows they are others
        if self.place is None or len(train) != self.facts["counts"]["train"]:
            return found()
        return kept_features(self.place, f"skip-{minutes or 'whole'}", found)

    @functools.cached_property
    def few(self) -> bool:
        """Whether the linear skip is chosen by cross-validation, see tasks.classify.few."""
        train, validation = (self.parts[name].read(spelling=False) for name in ("train", "validation"))
        return self.kept is None and is_few(train, validation, len(self.classes))

    def skip_of_few(self, seconds: float | None = None, *, by_odds: bool = True) -> Crossed:
        """The linear skip of few texts. seconds: for it"""
        return fit_few(self._learned_from(), len(self.classes), self.vocabulary.level, seconds=seconds, by_odds=by_odds)

    def _learned_from(self) -> list[tuple[Texts, npt.NDArray[np.int64]]]:
        """The training part, and the validation part too where another one is held out."""
        names = ["train", "validation"] if len(self.parts["test"]) else ["train"]
        return [(self.parts[name].read(spelling=self.spelling), self.parts[name].labels) for name in names]

    @functools.cached_property
    def linear(self) -> SparseLogistic:
        """A linear classifier of the tokens' n-grams, fitted when it is first asked for."""
        return self._linear(None)

    def linear_within(self, seconds: float | None) -> SparseLogistic:
        """`linear`, fitted in so many seconds if it is not yet."""
        if "linear" not in self.__dict__:
            self.__dict__["linear"] = self._linear(seconds)
        return self.linear

    def _linear(self, seconds: float | None) -> SparseLogistic:
        train = self.parts["train"].read(spelling=False)
        return self._fitted(
            rare_features(train, len(self.classes), self.vocabulary.level, self.minutes),
            spelling=False,
            seconds=seconds,
        )

    def skip_linear(self, features: Features | None = None, seconds: float | None = None) -> SparseLogistic:
        """That of the linear skip. features: those it is to have, if not its own; seconds: for it"""
        found = self.skip_features if features is None else features
        return self._fitted(found, spelling=self.spelling, by_odds=True, seconds=seconds)

    def skip_by_rarity(self) -> SparseLogistic:
        """As `skip_linear`, of n-grams that count by how rare they are."""
        if not self.spelling:
            return self.linear
        train = self.parts["train"].read(spelling=True)
        return self._fitted(rare_features(train, len(self.classes), self.vocabulary.level, self.minutes), spelling=True)

    def _fitted(
        self, features: Features, *, spelling: bool, by_odds: bool = False, seconds: float | None = None
    ) -> SparseLogistic:
        """On the training part, stopped by the validation part. spelling: characters are read too; seconds: for it"""
        train, validation = self.parts["train"], self.parts["validation"]
        return fit_linear(
            features,
            (train.read(spelling=spelling), train.labels),
            (validation.read(spelling=spelling), validation.labels),
            len(self.classes),
            self.vocabulary.level,
            seconds,
            by_odds=by_odds,
        )


@in_memory
def prepare(
    source: Source,
    settings: ClassifyDataSettings,
    *,
    seed: int = 0,
    skip: bool = False,
    kept: ClassifyPreprocessor | None = None,
) -> ClassifyData:
    """Read, divide and encode. skip: also learn a linear skip; kept: vocabulary and classes instead of the data's own

    Of a large table this is done once, and mapped from the cache from then on.
    Errors: DataError with file and line
    """
    if not stored.is_worth_it(source, settings) or (kept is not None and kept.spells):
        return _prepare(source, settings, seed, skip, kept)
    build = functools.partial(_prepare, source, settings, seed, False, kept)
    return replace(read_once(source, settings, seed, kept, build, stored.STORING), skip=skip)


@share.whole()
def _prepare(
    source: Source,
    settings: ClassifyDataSettings,
    seed: int,
    skip: bool,
    kept: ClassifyPreprocessor | None,
    folder: Path | None = None,
) -> ClassifyData:
    """folder: for what is not held in memory"""
    read = reading.read(source, settings, seed, folder, as_it_is=kept is not None)
    splits, level, facts, notes = read.splits, read.level, read.facts, read.notes
    if settings.level is None:
        notes.append(f"tokens are {_why(level, splits.train.texts)}")
    rarest, largest = (1, None) if level == "byte" else (settings.min_count, settings.max_vocabulary)
    drafted = read.drafted
    if kept is not None:
        vocabulary, classes = kept.vocabulary, kept.classes
    else:
        classes = splits.train.classes()
        how: dict[str, Any] = {"level": level, "normalize": read.normalize, "split": settings.word_split}
        if drafted is not None:
            counts = drafted.count(read.rows["train"])
            vocabulary = Vocabulary.from_counts(counts, **how, min_count=rarest, max_size=largest)
        else:
            vocabulary = Vocabulary.build(splits.train.texts, **how, min_count=rarest, max_size=largest)
    if vocabulary.segmenter is not None:
        notes.append(vocabulary.segmenter.describe())
    notes += look_alikes(classes)
    encode = functools.partial(encode_part, vocabulary=vocabulary, classes=classes, max_length=settings.max_length)
    if drafted is not None and not read.fits(vocabulary):
        drafted = None

    def encoded(rows: npt.NDArray[np.int64]) -> Ragged | None:
        return None if drafted is None else drafted.encoded(vocabulary, rows)

    with share.stage(reading.READ if drafted is None else reading.CUT, 1, sum(len(part) for _, part in splits)):
        parts = {name: encode(part, encoded=encoded(read.rows[name])) for name, part in splits}
    forms = {name: _keys(part.encoded) for name, part in parts.items()}
    positions, moved = regrouped({name: forms[name] for name in read.divided})
    if moved:
        notes += describe_moved(moved, "text")
        examples = joined([getattr(splits, name) for name in read.divided])
        for name, found in positions.items():
            rows = np.concatenate([read.rows[of] for of in read.divided])[found]
            parts[name] = encode(examples.at(found), encoded=encoded(rows))
        forms = {name: _keys(part.encoded) for name, part in parts.items()}
    drafted = read.drafted = None
    notes += describe_shared({name: part.texts for name, part in parts.items()}, forms)
    truncated, empty = sum(p.truncated for p in parts.values()), sum(p.empty for p in parts.values())
    held_out = parts["test"] if len(parts["test"]) else parts["validation"]
    tokens = int(lengths_of(held_out.encoded).sum())
    facts |= {
        "counts": {name: len(part) for name, part in parts.items()},
        "truncated": truncated,
        "vocabulary_size": len(vocabulary),
        "vocabulary_level": vocabulary.level,
        "unknown_rate": sum(int((e == 0).sum()) for e in held_out.encoded) / tokens if tokens else 0.0,
    }
    if empty:
        notes.append(f"{empty:,} texts have nothing left after normalisation and are read as one unknown token")
    if truncated:
        notes.append(f"{truncated:,} texts were truncated to {settings.max_length} tokens")
    if not len(parts["validation"]):
        texts = [text for part in parts.values() for text in part.texts]
        raise DataError(
            f"the validation part is empty{why_empty(len(set(texts)), len(texts), 'text')}",
            remedy="give more texts, or give it a share, as in --split 80/10/10",
        )
    tokens = int(lengths_of(parts["train"].encoded).sum())
    spelling = kept.skip_spelling if kept is not None else skip and level == "word" and tokens <= MOST_SPELT
    characters = "" if kept is None else kept.characters
    if spelling or characters or settings.level == "both":
        parts = {name: spelt(part, vocabulary, settings.max_length) for name, part in parts.items()}
    if settings.level == "both" and kept is None:
        characters = known_letters(parts["train"].letters or [], settings.min_count)
        notes.append(f"beside words the network reads {len(characters):,} different characters")
    return ClassifyData(classes, vocabulary, parts, facts, notes, kept, skip, spelling, characters=characters)


def _keys(encoded: Sequence[npt.NDArray[np.int64]]) -> npt.NDArray[np.uint64]:
    """See Ragged.keys."""
    return (encoded if isinstance(encoded, Ragged) else Ragged.of(encoded, 1 << 32)).keys()


def _why(level: Level, texts: Sequence[str]) -> str:
    if level == "word":
        return "words: texts of several words"
    if mostly_chinese(texts):
        return "characters: Chinese texts; --segment word cuts them into words"
    return "characters: short or unspaced texts"


def encode_part(
    examples: Examples,
    vocabulary: Vocabulary,
    classes: list[str],
    max_length: int | None,
    encoded: Ragged | None = None,
) -> Part:
    """The part encoded, texts of more than max_length tokens truncated. encoded: as they are read, if that is known

    Errors: DataError for a label that is not among the classes
    """
    labels = _labels(examples, classes)
    truncated = empty = 0

    def rows() -> Iterator[npt.NDArray[np.int64]]:
        nonlocal truncated, empty
        whole = map(vocabulary.encode, share.counted(examples.texts)) if encoded is None else iter(encoded)
        for ids in whole:
            if max_length is not None and len(ids) > max_length:
                ids, truncated = ids[:max_length], truncated + 1
            if not len(ids):
                ids, empty = np.zeros(1, np.int64), empty + 1
            yield ids

    fit = encoded is not None and len(encoded) and encoded.lengths.min() > 0
    if fit and encoded is not None and (max_length is None or encoded.lengths.max() <= max_length):
        found = encoded
    else:
        found = Ragged.of(rows(), len(vocabulary))
    return Part(examples.texts, found, labels, truncated, empty, examples=examples)


def _labels(examples: Examples, classes: list[str]) -> npt.NDArray[np.int64]:
    """Indices of the classes. Errors: DataError for a label that is none of them"""
    indices = {name: i for i, name in enumerate(classes)}
    if isinstance(examples.items, ExampleRows):
        known = np.array([indices.get(name, -1) for name in examples.items.names], np.int64)
        labels = known[examples.items.label_indices()]
    else:
        labels = np.array([indices.get(item.label, -1) for item in examples.items], np.int64)
    for place in np.flatnonzero(labels < 0)[:1].tolist():
        item = examples.items[place]
        raise DataError(
            f"the label {item.label!r} was not in training",
            remedy=f"the model knows {', '.join(repr(c) for c in classes[:20])}",
            file=item.file,
            line=item.line,
        )
    return labels


def spelt(part: Part, vocabulary: Vocabulary, max_length: int | None) -> Part:
    """The part with the characters of its texts, of those cut short as many tokens as they have."""
    return replace(part, letters=[letters_of(vocabulary.cut(text)[:max_length]) for text in part.texts])
