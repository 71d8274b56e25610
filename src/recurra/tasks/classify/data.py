"""Labelled texts as a classifier takes them."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.baselines.sparse_logistic import SparseLogistic
from recurra.data.files import examples as reading
from recurra.data.files.examples import Examples
from recurra.data.ragged import Ragged, lengths_of, row_digest
from recurra.data.splits import PARTS, Splits, check_splits, from_parts, many, split, split_off, without_unseen
from recurra.data.tokens.drafted import Drafted
from recurra.data.tokens.given_tokens import Tokenised
from recurra.data.tokens.vocabulary import Level, Vocabulary
from recurra.data.twins import describe_moved, describe_shared, form_of, gathered
from recurra.errors import DataError
from recurra.tasks.classify.examples import columns_of, read_examples
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
from recurra.tasks.sources.source import Source, hashes, in_memory
from recurra.tasks.text.usual import infer_level, mostly_chinese


@dataclass(frozen=True)
class Part:
    """Texts of one part, encoded.

    labels: int64 [N], indices in the list of classes; truncated: texts that were too long; empty: texts of which
    normalisation left nothing, which became one unknown token; groups: of each text, where some belong together;
    examples: where each text stands; letters: of each text, where the network or its linear skip reads them
    """

    texts: list[str]
    encoded: Sequence[npt.NDArray[np.int64]]
    labels: npt.NDArray[np.int64]
    truncated: int = 0
    empty: int = 0
    groups: list[str] | None = None
    examples: Examples | None = None
    letters: list[npt.NDArray[np.int64]] | None = None

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
            texts=[self.texts[i] for i in indices],
            encoded=picked(self.encoded, indices),
            labels=self.labels[indices],
            groups=None if self.groups is None else [self.groups[i] for i in indices],
            letters=None if self.letters is None else [self.letters[i] for i in indices],
            examples=None if examples is None else replace(examples, items=[examples.items[i] for i in indices]),
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
        train = self.parts["train"]
        return weighed_features(
            train.read(spelling=self.spelling), train.labels, len(self.classes), self.vocabulary.level, self.minutes
        )

    @functools.cached_property
    def linear(self) -> SparseLogistic:
        """A linear classifier of the tokens' n-grams, fitted when it is first asked for."""
        train = self.parts["train"].read(spelling=False)
        return self._fitted(
            rare_features(train, len(self.classes), self.vocabulary.level, self.minutes), spelling=False
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

    Errors: DataError with file and line
    """
    read = _read(source, settings, seed, as_it_is=kept is not None)
    splits, level, facts, notes = read.splits, read.level, read.facts, read.notes
    if settings.level is None:
        notes.append(f"tokens are {_why(level, splits.train.texts)}")
    drafted: Drafted | None = None
    rarest, largest = (1, None) if level == "byte" else (settings.min_count, settings.max_vocabulary)
    if kept is not None:
        vocabulary, classes = kept.vocabulary, kept.classes
    else:
        classes = splits.train.classes()
        how: dict[str, Any] = {"level": level, "normalize": read.normalize, "split": settings.word_split}
        texts = splits.train.texts
        if level == "word" and not any(isinstance(text, Tokenised) for _, part in splits for text in part.texts):
            drafted = Drafted((item.text for _, part in splits for item in part.items), read.normalize, how["split"])
            counts = drafted.count(len(texts))
            vocabulary = Vocabulary.from_counts(counts, **how, min_count=rarest, max_size=largest)
        else:
            vocabulary = Vocabulary.build(texts, **how, min_count=rarest, max_size=largest)
        del texts
    if vocabulary.segmenter is not None:
        notes.append(vocabulary.segmenter.describe())
    notes += reading.look_alikes(classes)
    parts, before = {}, 0
    for name, part in splits:
        rows = None if drafted is None else drafted.encoded(vocabulary, before, before + len(part))
        parts[name] = encode_part(part, vocabulary, classes, settings.max_length, rows)
        before += len(part)
    del drafted
    forms = {name: [row_digest(ids) for ids in part.encoded] for name, part in parts.items()}
    items, moved = gathered({name: getattr(splits, name).items for name in read.divided}, forms)
    if moved:
        notes += describe_moved(moved, "text")
        parts |= {
            name: encode_part(Examples(of), vocabulary, classes, settings.max_length) for name, of in items.items()
        }
        forms = {name: [row_digest(ids) for ids in part.encoded] for name, part in parts.items()}
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
        raise DataError("the validation part is empty", remedy="give it a share, as in --split 80/10/10")
    tokens = int(lengths_of(parts["train"].encoded).sum())
    spelling = kept.skip_spelling if kept is not None else skip and level == "word" and tokens <= MOST_SPELT
    characters = "" if kept is None else kept.characters
    if spelling or characters or settings.level == "both":
        parts = {name: spelt(part, vocabulary, settings.max_length) for name, part in parts.items()}
    if settings.level == "both" and kept is None:
        characters = known_letters(parts["train"].letters or [], settings.min_count)
        notes.append(f"beside words the network reads {len(characters):,} different characters")
    return ClassifyData(classes, vocabulary, parts, facts, notes, kept, skip, spelling, characters=characters)


def _why(level: Level, texts: list[str]) -> str:
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
    indices = {name: i for i, name in enumerate(classes)}
    labels = np.empty(len(examples), np.int64)
    for place, item in enumerate(examples.items):
        if item.label not in indices:
            known = ", ".join(repr(c) for c in classes[:20])
            raise DataError(
                f"the label {item.label!r} was not in training",
                remedy=f"the model knows {known}",
                file=item.file,
                line=item.line,
            )
        labels[place] = indices[item.label]
    truncated = empty = 0

    def rows() -> Iterator[npt.NDArray[np.int64]]:
        nonlocal truncated, empty
        whole = (vocabulary.encode(item.text) for item in examples.items) if encoded is None else iter(encoded)
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


def spelt(part: Part, vocabulary: Vocabulary, max_length: int | None) -> Part:
    """The part with the characters of its texts, of those cut short as many tokens as they have."""
    return replace(part, letters=[letters_of(vocabulary.cut(text)[:max_length]) for text in part.texts])


@dataclass(frozen=True)
class _Read:
    """The parts as they were read; divided: those that were made here, which may be put right."""

    splits: Splits
    level: Level
    normalize: tuple[str, ...]
    divided: tuple[str, ...]
    facts: dict[str, Any]
    notes: list[str]


def _read(source: Source, settings: ClassifyDataSettings, seed: int, *, as_it_is: bool) -> _Read:
    """as_it_is: normalise as set, with nothing of our own."""
    notes: list[str] = []
    if source.kind == "table" and None in (settings.text, settings.label):
        text, label = columns_of(source, settings)
        notes.append(f"texts are in the column {text!r}, labels in {label!r}")
        settings = settings.model_copy(update={"text": text, "label": label})
    found = read_examples(source, settings)
    skipped = found.skipped if isinstance(found, Examples) else sum(p.skipped for p in found.values())
    whole = found if isinstance(found, Examples) else from_parts(found).train
    dropped = 0
    kept = whole
    if not settings.keep_repeats:
        kept, dropped = reading.distinct(whole)
    level = "word" if settings.level == "both" else settings.level or infer_level(kept.texts)
    if level == "word" and not settings.normalize and not as_it_is:
        settings = settings.model_copy(update={"normalize": ("lowercase",)})
        notes.append("words are read in lower case; --normalize nfc keeps capitals")
    form = form_of(level=level, normalize_by=settings.normalize, split=settings.word_split, longest=settings.max_length)
    divided: tuple[str, ...] = ()
    if isinstance(found, Examples):
        splits, divided = split(kept, settings.split, seed=seed, form=form), PARTS
    else:
        splits = replace(from_parts(found), train=kept)
        if not len(splits.validation):
            splits, note = split_off(splits, settings.split, seed=seed, form=form)
            divided = ("train", "validation")
            notes.append(note)
    if dropped:
        notes.append(f"{many(dropped, 'repeated example')} {'was' if dropped == 1 else 'were'} dropped")
    if skipped:
        notes.append(f"{skipped:,} rows without text were skipped")
    fewest = 2
    # as intents have it, some labels are rare, and some in test alone
    if source.kind == "labelled" and not isinstance(found, Examples):
        splits, left_out = without_unseen(splits)
        notes, fewest = [*notes, *left_out], 1
    check_splits(splits, form=form, dropped=dropped, fewest=fewest)
    facts = {
        "name": source.name,
        "files": hashes(source.files),
        "unit": "examples",
        "repeats_dropped": dropped,
        "skipped": skipped,
    }
    return _Read(splits, level, settings.normalize, divided, facts, notes)
