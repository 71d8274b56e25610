"""Sentences with something left out: reading, dividing, and where the blanks are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from recurra.data import share
from recurra.data.files.examples import Example, Examples
from recurra.data.files.tables import column_names, read_table
from recurra.data.files.text import iter_lines
from recurra.data.splits import PARTS, Splits, split, split_off, why_empty
from recurra.data.tokens.vocabulary import Vocabulary
from recurra.data.twins import Form, describe_moved, describe_shared, form_of, gathered
from recurra.errors import DataError, UsageError, listed
from recurra.tasks.checked_rows import CheckedRows
from recurra.tasks.cutting import Indices
from recurra.tasks.fill.preprocessor import FillPreprocessor
from recurra.tasks.fill.settings import FillDataSettings
from recurra.tasks.read_once import bytes_of
from recurra.tasks.sources.source import Source, hashes, in_memory
from recurra.tasks.text.usual import TEXT_COLUMNS, infer_level

Ids = npt.NDArray[np.int64]

SENTENCE = re.compile(r".*?(?:[。！？!?；;…]+[”’」』）)\"']*|\.(?=\s)|$)", re.DOTALL)
LONGEST_BLANK = {"char": 3, "word": 1}
"""Tokens that a blank may stand for, where nobody says otherwise."""
READ, DIVIDED = 0.2, 0.6
"""Of the time, after reading and after dividing and counting."""
EVALUATED = 10_000
"""Blanks of a part that are evaluated, at most."""


@dataclass(frozen=True)
class FillPart:
    """Sentences of one part.

    encoded: int64 [T] each, T >= 1; rows, indices: int64 [N], blanks to evaluate: which sentence, and which of
    its tokens is left out
    """

    encoded: list[Ids]
    rows: Ids
    indices: Ids

    def checked_rows(self, most: int) -> CheckedRows:
        return CheckedRows(self.encoded[:most], repeats=False)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def targets(self) -> Ids:
        """The tokens left out, int64 [N]."""
        return np.array([self.encoded[r][p] for r, p in zip(self.rows, self.indices, strict=True)], dtype=np.int64)

    @property
    def tokens(self) -> int:
        """Tokens of the sentences that have blanks."""
        return sum(len(self.encoded[row]) for row in set(self.rows.tolist()))

    def at(self, indices: Indices) -> FillPart:
        """The blanks at some indices, in the same sentences."""
        return replace(self, rows=self.rows[indices], indices=self.indices[indices])

    def sentence(self, blank: int) -> Ids:
        """The whole sentence of a blank."""
        return self.encoded[int(self.rows[blank])]


@dataclass(frozen=True)
class FillData:
    """All that a model of blanks learns from and is evaluated on.

    longest: tokens that a blank may stand for; facts: what was read, plain values
    """

    vocabulary: Vocabulary
    longest: int
    parts: dict[str, FillPart]
    facts: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def preprocessor(self) -> FillPreprocessor:
        """What a model has learned of them."""
        return FillPreprocessor(self.vocabulary, self.longest)


@in_memory
@share.whole()
def prepare(
    source: Source, settings: FillDataSettings, *, seed: int = 0, kept: FillPreprocessor | None = None
) -> FillData:
    """Read, divide and encode. kept: vocabulary and longest blank instead of the data's own

    A source in one piece is divided at random by distinct lines, one with parts as it stands.
    Errors: DataError with file and line; UsageError for settings that cannot be
    """
    with share.stage(0, READ, bytes_of(source)):
        found = read_rows(source, settings)
    whole = found["train"] if "train" in found else Examples([item for part in found.values() for item in part.items])
    level = settings.level or infer_level(whole.texts)
    form = form_of(level=level, normalize_by=settings.normalize, split=settings.word_split)
    splits, divided_here, notes = _parts(found, whole, settings, seed, form)
    texts = splits.train.texts
    if settings.level is None:
        notes.append(f"tokens are {'words' if level == 'word' else 'characters: unspaced or short texts'}")
    if level not in ("char", "word"):
        raise UsageError(f"a blank is filled with characters or words, not with tokens of level {level}")
    if kept is not None:
        vocabulary = kept.vocabulary
    else:
        vocabulary = Vocabulary.build(
            texts,
            level=level,
            normalize=settings.normalize,
            split=settings.word_split,
            min_count=settings.min_count,
            max_size=settings.max_vocabulary,
        )
    longest = kept.longest if kept is not None else settings.blank_tokens or LONGEST_BLANK[level]
    encoded, divided = {}, 0
    with share.stage(DIVIDED, 1, sum(len(part) for _, part in splits)):
        for name, part in splits:
            encoded[name], more = encode_rows(share.counted(part.texts), vocabulary, settings.max_length)
            divided += more
    settled, moved = gathered({name: encoded[name] for name in divided_here}, _forms(encoded))
    encoded |= settled
    notes += describe_moved(moved, "sentence")
    notes += describe_shared({name: _Decoded(of, vocabulary) for name, of in encoded.items()}, _forms(encoded))
    parts = {name: FillPart(of, *choose_blanks(of, seed)) for name, of in encoded.items()}
    if divided:
        notes.append(
            f"{divided:,} texts of more than {settings.max_length} tokens were divided, after sentences where possible"
        )
    if not len(parts["validation"]):
        if encoded["validation"]:
            raise DataError(
                "the validation part has nothing to leave out: no known token with others beside it",
                remedy="give longer sentences, or a lower min_count",
            )
        raise DataError(
            f"the validation part has nothing to leave out{why_empty(len(set(whole.texts)), len(whole), 'line')}",
            remedy="give more sentences, or give it a share, as in --split 90/5/5",
        )
    held_out = parts["test"] if len(parts["test"]) else parts["validation"]
    tokens = sum(len(e) for e in held_out.encoded)
    facts = {
        "name": source.name,
        "files": hashes(source.files),
        "counts": {name: sum(len(e) for e in part.encoded) for name, part in parts.items()},
        "unit": "words" if level == "word" else "characters",
        "vocabulary_size": len(vocabulary),
        "vocabulary_level": level,
        "unknown_rate": sum(int((e == 0).sum()) for e in held_out.encoded) / max(1, tokens),
    }
    return FillData(vocabulary, longest, parts, facts, notes)


class _Decoded(Sequence[str]):
    """Texts of ids, each decoded when it is asked for."""

    def __init__(self, encoded: Sequence[Ids], vocabulary: Vocabulary) -> None:
        self._encoded, self._vocabulary = encoded, vocabulary

    def __len__(self) -> int:
        return len(self._encoded)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self._vocabulary.decode(ids) for ids in self._encoded[index]]
        return self._vocabulary.decode(self._encoded[index])


def encode_rows(texts: Iterable[str], vocabulary: Vocabulary, longest: int | None) -> tuple[list[Ids], int]:
    """The texts as ids, those of more than `longest` tokens divided, and how many of them there were.

    Sentences are kept whole and together as far as they fit; what normalisation leaves nothing of is left out.
    """
    found: list[Ids] = []
    divided = 0
    for text in texts:
        ids = vocabulary.encode(text)
        if longest is None or len(ids) <= longest:
            found += [ids] if len(ids) else []
            continue
        divided += 1
        found += _pieces(text, vocabulary, longest)
    return found, divided


def _pieces(text: str, vocabulary: Vocabulary, longest: int) -> Iterator[Ids]:
    """A text divided: as many sentences as fit into `longest` tokens at a time, a longer one cut."""
    held: list[Ids] = []
    size = 0
    for match in SENTENCE.finditer(text):
        ids = vocabulary.encode(match.group())
        if held and size + len(ids) > longest:
            yield np.concatenate(held)
            held, size = [], 0
        while len(ids) > longest:
            yield ids[:longest]
            ids = ids[longest:]
        if len(ids):
            held.append(ids)
            size += len(ids)
    if held:
        yield np.concatenate(held)


def choose_blanks(encoded: Sequence[Ids], seed: int) -> tuple[Ids, Ids]:
    """Sentence and place of the blanks to evaluate: tokens that the vocabulary has, EVALUATED of them at most.

    A sentence of one token has nothing beside it to go by. Shapes: -> int64 [N], int64 [N]
    """
    lengths = np.array([len(ids) for ids in encoded], dtype=np.int64)
    rows = np.repeat(np.arange(len(encoded)), lengths)
    indices = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    known = np.concatenate(encoded) != 0 if encoded else np.zeros(0, bool)
    chosen = np.flatnonzero(known & (lengths[rows] > 1))
    if len(chosen) > EVALUATED:
        chosen = np.sort(np.random.default_rng(seed).choice(chosen, EVALUATED, replace=False))
    return rows[chosen].astype(np.int64), indices[chosen].astype(np.int64)


@in_memory
def read_rows(source: Source, settings: FillDataSettings) -> dict[str, Examples]:
    """The texts of a source, under the names of its parts or labels: rows of a table, else lines. Errors: DataError"""
    found = {}
    for name, path in source.files.items():
        items = list(_table(path, settings) if source.kind == "table" else _lines(path, settings))
        if not items:
            raise DataError("there is no text in this file", remedy="give one sentence per line", file=path)
        found[name] = Examples(items)
    return found


def _lines(path: Path, settings: FillDataSettings) -> Iterator[Example]:
    for number, line in enumerate(iter_lines(path, settings.encoding), start=1):
        if text := line.strip():
            yield Example(text, "", path, number)


def _table(path: Path, settings: FillDataSettings) -> Iterator[Example]:
    column = settings.text
    if column is None:
        there = column_names(path, encoding=settings.encoding)
        column = next((usual for usual in TEXT_COLUMNS for c in there if c.lower() == usual), None)
        if column is None:
            raise DataError(
                f"no column is named like a text usually is; there are {listed(there)}",
                remedy="name it with --text COLUMN",
                file=path,
                line=1,
            )
        column = next(c for c in there if c.lower() == column)
    table = read_table(path, encoding=settings.encoding, columns=[column])
    for cell, line in zip(table.columns[column], table.lines, strict=True):
        for text in map(str.strip, cell.split("\n")):
            if text:
                yield Example(text, "", path, line)


def _parts(
    found: dict[str, Examples], whole: Examples, settings: FillDataSettings, seed: int, form: Form
) -> tuple[Splits, tuple[str, ...], list[str]]:
    """The parts of a source, which of them were made here, and what was done to make them."""
    if "train" not in found:
        return split(whole, settings.split, seed=seed, form=form), PARTS, []
    splits = Splits(whole, found.get("validation", Examples()), found.get("test", Examples()))
    if "validation" in found:
        return splits, (), []
    splits, note = split_off(splits, settings.split, seed=seed, form=form)
    return splits, ("train", "validation"), [note]


def _forms(encoded: Mapping[str, Sequence[Ids]]) -> dict[str, list[bytes]]:
    return {name: [ids.tobytes() for ids in of] for name, of in encoded.items()}
