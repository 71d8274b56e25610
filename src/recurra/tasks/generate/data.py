"""Texts and what they were written for, as a generator takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.data import conditioned
from recurra.data.abc.keys import transposed
from recurra.data.attributes import CLASS, Attributes
from recurra.data.conditioned import Conditioned
from recurra.data.files import examples as reading
from recurra.data.files.examples import Example, Examples
from recurra.data.files.tables import column_names
from recurra.data.splits import PARTS, Splits, from_parts, many, split, split_off
from recurra.data.tokens.vocabulary import Level, Vocabulary
from recurra.data.twins import describe_moved, describe_shared, form_of, gathered
from recurra.errors import DataError, listed, quoted
from recurra.tasks.checked_rows import CheckedRows
from recurra.tasks.cutting import Indices, picked
from recurra.tasks.generate.preprocessor import GeneratePreprocessor
from recurra.tasks.generate.settings import GenerateDataSettings
from recurra.tasks.sources.source import Source, hashes, in_memory
from recurra.tasks.text.usual import LABEL_COLUMNS, TEXT_COLUMNS, infer_level

Ids = npt.NDArray[np.int64]
KEYS = (-2, -1, 1, 2)
"""Fifths up and down that tunes are moved by."""


@dataclass(frozen=True)
class Part:
    """Texts of one part.

    encoded: their ids, each with the end token unless it was truncated; labels: int64 [N], indices among the
    conditions; variants: of the training part of tunes, each text in other keys; truncated: texts that were too long;
    conditions: int64 [K, A], what the labels stand for
    """

    texts: list[str]
    encoded: list[Ids]
    labels: Ids
    variants: list[list[Ids]] = field(default_factory=list)
    truncated: int = 0
    conditions: Ids = field(default_factory=lambda: np.zeros((0, 0), np.int64))

    def checked_rows(self, most: int) -> CheckedRows:
        """Conditions are given, not predicted."""
        return CheckedRows(self.encoded[:most])

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def tokens(self) -> int:
        """Tokens to be predicted, ends among them."""
        return sum(len(e) for e in self.encoded)

    def at(self, indices: Indices) -> Part:
        """The texts at some indices."""
        return replace(
            self,
            texts=picked(self.texts, indices),
            encoded=picked(self.encoded, indices),
            labels=self.labels[indices],
            variants=picked(self.variants, indices) if self.variants else [],
        )


@dataclass(frozen=True)
class GenerateData:
    """Everything a generator learns from and is evaluated on.

    conditions: int64 [K, A], what the labels of the parts stand for; facts: what was read and done to it, plain values
    """

    attributes: Attributes
    conditions: Ids
    vocabulary: Vocabulary
    parts: dict[str, Part]
    facts: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def preprocessor(self) -> GeneratePreprocessor:
        """What a model has learned of them."""
        return GeneratePreprocessor(self.vocabulary, self.attributes, self.longest, self.tunes)

    @property
    def end(self) -> int:
        """The id of the end of a text; that of its begin comes after it."""
        return len(self.vocabulary)

    @property
    def longest(self) -> int:
        """Tokens of the longest training text, its end left out."""
        return max(len(e) - int(e[-1] == self.end) for e in self.parts["train"].encoded)

    @property
    def tunes(self) -> bool:
        """Whether the texts are tunes in ABC notation."""
        return bool(self.facts.get("unit") == "tunes")

    def names(self) -> list[str]:
        """The conditions as they are typed."""
        return [self.attributes.describe(row) for row in self.conditions.tolist()]


@in_memory
def prepare(
    source: Source, settings: GenerateDataSettings, *, seed: int = 0, kept: GeneratePreprocessor | None = None
) -> GenerateData:
    """Read, divide and encode. kept: vocabulary and attributes instead of the data's own

    Errors: DataError with file and line; UnknownNameError for an attribute's value that the kept ones do not have
    """
    notes: list[str] = []
    found = read(source, settings, notes)
    level = _level(found, source, settings, notes)
    splits, divided, dropped = _divided(found, level, settings, seed, notes)
    if not len(splits.train):
        raise DataError("the training part has no examples", remedy="give more data or a larger share")
    if not len(splits.validation):
        without = f", {many(dropped, 'repeated example')} dropped" if dropped else ""
        count = many(len(splits.train) + len(splits.test), "text")
        raise DataError(
            f"the validation part is empty: there {'is' if count == '1 text' else 'are'} {count}{without}",
            remedy="give more texts, or give it a share, as in --split 80/10/10",
        )
    vocabulary = _vocabulary(splits.train, level, settings) if kept is None else kept.vocabulary
    splits, more = _settled(splits, divided, vocabulary, settings)
    notes += more
    train = splits.train
    given = [found.values[item.label] for item in train.items]
    attributes = Attributes.of(found.names, given) if kept is None else kept.attributes.counted(found.names, given)
    for known in attributes.values:
        notes += reading.look_alikes(known)
    rows = sorted({attributes.indices(found.values[item.label]) for item in train.items})
    conditions = np.array(rows, dtype=np.int64)
    encoder = _Encoder(found, attributes, vocabulary, settings.max_length)
    parts = {}
    for name, part in splits:
        parts[name], conditions = encoder.part(part, conditions)
    parts = {name: replace(part, conditions=conditions) for name, part in parts.items()}
    if settings.transpose:
        parts["train"] = _with_keys(parts["train"], vocabulary, source, settings)
    truncated = sum(part.truncated for part in parts.values())
    if truncated:
        notes.append(f"{truncated:,} texts were truncated to {settings.max_length} tokens")
    held_out = parts["test"] if len(parts["test"]) else parts["validation"]
    facts = {
        "name": source.name,
        "files": hashes(source.files),
        "counts": {name: len(part) for name, part in parts.items()},
        "unit": "tunes" if source.kind == "tunes" else "texts",
        "vocabulary_size": len(vocabulary),
        "vocabulary_level": level,
        "unknown_rate": sum(int((e == 0).sum()) for e in held_out.encoded) / max(1, held_out.tokens),
        "repeats_dropped": dropped,
        "skipped": sum(part.skipped for part in found.parts.values()) + len(found.left_out),
    }
    return GenerateData(attributes, conditions, vocabulary, parts, facts, notes)


@in_memory
def encode_all(source: Source, settings: GenerateDataSettings, attributes: Attributes, vocabulary: Vocabulary) -> Part:
    """All texts of a source as a model of these attributes and this vocabulary is evaluated on them.

    Errors: DataError for other attributes than the model's, a value that it does not know, or as `prepare`
    """
    notes: list[str] = []
    found = read(source, settings, notes)
    if found.names != attributes.names:
        raise DataError(
            f"these texts have the attributes {', '.join(found.names)}, the model has {', '.join(attributes.names)}",
            file=source.name,
        )
    whole = Examples([item for part in found.parts.values() for item in part.items])
    known = np.array([indices for indices, _ in attributes.seen], dtype=np.int64)
    encoder = _Encoder(found, attributes, vocabulary, settings.max_length)
    part, conditions = encoder.part(whole, known)
    return replace(part, conditions=conditions)


def read(source: Source, settings: GenerateDataSettings, notes: list[str]) -> Conditioned:
    """The texts of a source with their conditions. Errors: DataError"""
    encoding = settings.encoding
    if source.kind == "labels":
        return conditioned.from_classes(reading.from_files(source.files, encoding=encoding))
    labels = None if settings.label is None else [name.strip() for name in settings.label.split(",")]
    if source.kind == "tunes":
        found = conditioned.from_tunes(source.files, labels=labels, encoding=encoding)
        notes.append(f"tunes are generated by {_listed(found.names, source, labels)}")
        if found.left_out:
            notes.append(
                f"left out: {many(len(found.left_out), 'tune')}, {conditioned.describe_left_out(found.left_out)}"
            )
        return found
    text, labels = _columns(next(iter(source.files.values())), settings, labels, notes)
    if source.files.keys() == {"all"}:
        return conditioned.from_table(
            source.files["all"], text=text, labels=labels, encoding=encoding, split_column=settings.split_column
        )
    parts = {
        part: conditioned.from_table(path, text=text, labels=labels, encoding=encoding)
        for part, path in source.files.items()
    }
    values = {label: value for part in parts.values() for label, value in part.values.items()}
    return Conditioned(tuple(labels), {name: part.parts["all"] for name, part in parts.items()}, values)


def _listed(names: Sequence[str], source: Source, labels: list[str] | None) -> str:
    if tuple(names) == (CLASS,):
        return f"the names of {len(source.files)} files"
    return " and ".join(f"{name}:" for name in names) + ("" if labels else ", for no file is a class of several tunes")


def _columns(
    path: Path, settings: GenerateDataSettings, labels: list[str] | None, notes: list[str]
) -> tuple[str, list[str]]:
    """The text column and the label columns: as set, or by their usual names where that leaves no doubt."""
    there = column_names(path, encoding=settings.encoding)
    if settings.label in there:
        labels = [settings.label]  # a column whose name has a comma in it
    text = settings.text
    for role, asked, usual in (("text", text, TEXT_COLUMNS), ("label", labels, LABEL_COLUMNS)):
        if asked is not None:
            continue
        taken = labels if role == "text" else [text]
        likely = sorted(
            (c for c in there if c.lower() in usual and c not in (taken or ())), key=lambda c: usual.index(c.lower())
        )
        if not likely:
            raise DataError(
                f"no column is named like a {role} usually is; there are {listed(there)}",
                remedy=f"name it with --{role} COLUMN" + (" or --label ONE,TWO" if role == "label" else ""),
                file=path,
                line=1,
            )
        notes.append(f"the {role} is in the column {likely[0]!r}")
        if role == "text":
            text = likely[0]
        else:
            labels = [likely[0]]
    assert text is not None
    assert labels is not None
    return text, labels


def _level(found: Conditioned, source: Source, settings: GenerateDataSettings, notes: list[str]) -> Level:
    whole = found.parts["all"] if found.parts.keys() == {"all"} else from_parts(found.parts).train
    level = settings.level or ("char" if source.kind == "tunes" else infer_level(whole.texts))
    if settings.level is None and source.kind != "tunes":
        notes.append(f"tokens are {'words: texts of several words' if level == 'word' else 'characters: short texts'}")
    return level


def _divided(
    found: Conditioned, level: Level, settings: GenerateDataSettings, seed: int, notes: list[str]
) -> tuple[Splits, tuple[str, ...], int]:
    """The three parts, which of them were made here, and how many repeated examples were dropped."""
    form = form_of(level=level, normalize_by=settings.normalize, split=settings.word_split, longest=settings.max_length)
    whole = found.parts["all"] if found.parts.keys() == {"all"} else from_parts(found.parts).train
    dropped = 0
    if not settings.keep_repeats:
        whole, dropped = reading.distinct(whole)
    divided: tuple[str, ...] = ()
    if found.parts.keys() == {"all"}:
        splits, divided = split(whole, settings.split, seed=seed, form=form), PARTS
    else:
        splits = replace(from_parts(found.parts), train=whole)
        if not len(splits.validation):
            splits, note = split_off(splits, settings.split, seed=seed, form=form)
            divided = ("train", "validation")
            notes.append(note)
    if dropped:
        notes.append(f"{many(dropped, 'repeated example')} {'was' if dropped == 1 else 'were'} dropped")
    return splits, divided, dropped


def _vocabulary(train: Examples, level: Level, settings: GenerateDataSettings) -> Vocabulary:
    rarest, largest = (1, None) if level == "byte" else (settings.min_count, settings.max_vocabulary)
    return Vocabulary.build(
        train.texts,
        level=level,
        normalize=settings.normalize,
        split=settings.word_split,
        min_count=rarest,
        max_size=largest,
    )


def _settled(
    splits: Splits, divided: tuple[str, ...], vocabulary: Vocabulary, settings: GenerateDataSettings
) -> tuple[Splits, list[str]]:
    """The parts with no text in two of those that were made here, as the network sees texts; what to say of it.

    Tunes that are learned in other keys too must not be evaluated in one of them.
    """
    parts = {name: list(part.items) for name, part in splits}
    forms = {
        name: [encode(vocabulary, item.text, settings.max_length)[0].tobytes() for item in items]
        for name, items in parts.items()
    }
    moved, keys = 0, 0
    if divided:
        settled, moved = gathered({name: parts[name] for name in divided}, forms)
        if settings.transpose:
            settled, keys = _without_other_keys(settled, vocabulary, settings)
        parts |= settled
    notes = describe_moved(moved, "text")
    if keys:
        notes.append(f"{many(keys, 'held-out tune')} that the training part has in another key went there too")
    if moved or keys:
        forms = {
            name: [encode(vocabulary, item.text, settings.max_length)[0].tobytes() for item in items]
            for name, items in parts.items()
        }
    notes += describe_shared({name: [item.text for item in items] for name, items in parts.items()}, forms)
    return Splits(*(Examples(parts[name]) for name in PARTS)), notes


def _without_other_keys(
    parts: dict[str, list[Example]], vocabulary: Vocabulary, settings: GenerateDataSettings
) -> tuple[dict[str, list[Example]], int]:
    """The parts with what the training part has in another key moved to it, and how many that were."""
    found, moved = {name: list(items) for name, items in parts.items()}, 0
    new, seen = found["train"], set[bytes]()
    while new:
        for item in new:
            seen.update(ids.tobytes() for ids in _in_other_keys(item.text, vocabulary, settings))
        new = []
        for name in found.keys() - {"train"}:
            same = [encode(vocabulary, i.text, settings.max_length)[0].tobytes() in seen for i in found[name]]
            new += [item for item, again in zip(found[name], same, strict=True) if again]
            found[name] = [item for item, again in zip(found[name], same, strict=True) if not again]
        found["train"] = [*found["train"], *new]
        moved += len(new)
    return found, moved


@dataclass(frozen=True)
class _Encoder:
    """Examples to parts."""

    found: Conditioned
    attributes: Attributes
    vocabulary: Vocabulary
    max_length: int | None

    def part(self, examples: Examples, conditions: Ids) -> tuple[Part, Ids]:
        """The part, and the conditions with those that are new in it: known values in a combination of their own."""
        indices = {tuple(row): i for i, row in enumerate(conditions.tolist())}
        encoded, labels, truncated = [], [], 0
        for item in examples.items:
            values = self.found.values[item.label]
            if (name := self.attributes.unknown(values)) is not None:
                value = values[self.attributes.names.index(name)]
                raise DataError(
                    f"the {name} {quoted(value)} is not in the training part",
                    remedy="add training examples of it or remove it",
                    file=item.file,
                    line=item.line,
                )
            labels.append(indices.setdefault(self.attributes.indices(values), len(indices)))
            ids, short = encode(self.vocabulary, item.text, self.max_length)
            encoded.append(ids)
            truncated += short
        part = Part(list(examples.texts), encoded, np.array(labels, dtype=np.int64), truncated=truncated)
        return part, np.array(list(indices), dtype=np.int64).reshape(len(indices), -1)


def encode(vocabulary: Vocabulary, text: str, max_length: int | None = None) -> tuple[Ids, bool]:
    """A text's ids with the end token, or its first max_length ids without it and True."""
    ids = vocabulary.encode(text)
    if max_length is not None and len(ids) > max_length:
        return ids[:max_length], True
    return np.append(ids, len(vocabulary)), False


def _with_keys(part: Part, vocabulary: Vocabulary, source: Source, settings: GenerateDataSettings) -> Part:
    """The part with each tune in other keys too. Errors: DataError for texts that are no tunes"""
    if source.kind != "tunes":
        raise DataError("only tunes can be transposed", remedy="leave --transpose out", file=source.name)
    return replace(part, variants=[_in_other_keys(text, vocabulary, settings) for text in part.texts])


def _in_other_keys(text: str, vocabulary: Vocabulary, settings: GenerateDataSettings) -> list[Ids]:
    """A tune moved by KEYS, as far as the vocabulary knows what that gives."""
    moved = [transposed(text, fifths) for fifths in KEYS]
    known = [tune for tune in moved if tune is not None and not vocabulary.unknown(tune)]
    return [encode(vocabulary, tune, settings.max_length)[0] for tune in known]
