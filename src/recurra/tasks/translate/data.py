"""Sentence pairs as an encoder and a decoder take them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.data.files import parallel
from recurra.data.files.parallel import Pairs
from recurra.data.ragged import Ragged, row_digest
from recurra.data.splits import PARTS, hold_out
from recurra.data.tokens.scripts import is_unspaced, writing
from recurra.data.tokens.subwords import MOST_TEXTS, Subwords
from recurra.data.tokens.vocabulary import Vocabulary
from recurra.data.twins import describe_moved, form_of, gathered
from recurra.errors import DataError, UsageError
from recurra.tasks.checked_rows import CheckedRows
from recurra.tasks.cutting import Indices, picked
from recurra.tasks.decoding.bleu import CutBy, cut_by
from recurra.tasks.sources.file_names import ending
from recurra.tasks.sources.source import Source, hashes, in_memory
from recurra.tasks.translate.preprocessor import TranslatePreprocessor, Words
from recurra.tasks.translate.settings import TranslateDataSettings

Ids = npt.NDArray[np.int64]
SIZE = 4000
"""Tokens of a vocabulary, unless set."""


@dataclass(frozen=True)
class PairPart:
    """Pairs of one part, encoded; each row ends with the id of the end, `len(vocabulary)`.

    left_out: pairs dropped because a side was too long; truncated: sides truncated to max_length tokens
    """

    sources: list[str]
    targets: list[str]
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


LARGEST_ID = 1 << 32
"""No id, and no length, is as large."""


@dataclass(frozen=True)
class TranslateData:
    """Everything a translator learns from and is evaluated on.

    facts: what was read and done to it, plain values; bleu: how translations are cut for BLEU
    """

    source: Words
    target: Words
    parts: dict[str, PairPart]
    facts: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    bleu: CutBy = "13a"

    @property
    def preprocessor(self) -> TranslatePreprocessor:
        """What a model has learned of them."""
        return TranslatePreprocessor(self.source, self.target, self.bleu)


@in_memory
def prepare(
    source: Source, settings: TranslateDataSettings, *, seed: int = 0, kept: TranslatePreprocessor | None = None
) -> TranslateData:
    """Read, divide and encode. kept: vocabularies of source and target instead of the data's own

    Errors: DataError with file and line; UsageError
    """
    parts, divided, notes = _read(source, settings, seed)
    if not len(parts["validation"]):
        raise DataError("the validation part is empty", remedy="give it a share, as in --split 90/5/5, or --validation")
    if kept is not None:
        of_source, of_target = kept.source, kept.target
    else:
        of_source = build_vocabulary(parts["train"].sources, settings)
        of_target = build_vocabulary(parts["train"].targets, settings)
    if (settings.level or "bpe") == "bpe" and kept is None and len(parts["train"]) > MOST_TEXTS:
        notes.append(f"sub-words are learned from {MOST_TEXTS:,} of the {len(parts['train']):,} training pairs")
    rows = {name: encode_sides(pairs, of_source, of_target) for name, pairs in parts.items()}
    parts, rows, more = _settled(parts, divided, rows, settings.max_length)
    notes += more
    encoded = {
        name: encode_pairs(pairs, of_source, of_target, settings, learned=name == "train", rows=rows.pop(name))
        for name, pairs in parts.items()
    }
    train = encoded["train"]
    if not len(train):
        raise DataError(
            f"every pair of the training part is longer than {settings.max_length} tokens",
            remedy="give a larger max_length, or too_long cut",
        )
    held_out = encoded["test"] if len(encoded["test"]) else encoded["validation"]
    tokens = int((held_out.encoded_sources.lengths - 1).sum())
    unknown = sum(int((row == 0).sum()) for row in held_out.encoded_sources)
    if train.left_out:
        notes.append(f"{train.left_out:,} training pairs are longer than {settings.max_length} tokens and were dropped")
    for name, part in encoded.items():
        if part.truncated:
            notes.append(f"{name}: {part.truncated:,} sentences were truncated to {settings.max_length} tokens")
    pieces = {"bpe": "sub-words", "char": "characters", "byte": "bytes"}.get(of_source.level, of_source.level + "s")
    notes.append(f"{len(of_source):,} {pieces} are read, {len(of_target):,} are written")
    facts = {
        "name": source.name,
        "files": hashes(source.files),
        "counts": {name: len(part) for name, part in encoded.items()},
        "unit": "pairs",
        "skipped": sum(pairs.blank for pairs in parts.values()),
        "left_out": train.left_out,
        "truncated": sum(part.truncated for part in encoded.values()),
        "vocabulary_size": len(of_target),
        "source_vocabulary_size": len(of_source),
        "vocabulary_level": of_target.level,
        "unknown_rate": unknown / tokens if tokens else 0.0,
    }
    bleu = kept.bleu if kept is not None else cut_by(writing(train.targets))
    return TranslateData(of_source, of_target, encoded, facts, notes, bleu)


def _read(
    source: Source, settings: TranslateDataSettings, seed: int
) -> tuple[dict[str, Pairs], tuple[str, ...], list[str]]:
    """The three parts, which of them were made here, and what was done to make them."""
    notes: list[str] = []
    found = read_pairs(source, settings, notes)
    form = form_of(
        level=settings.level or "bpe",
        normalize_by=settings.normalize,
        split=settings.word_split,
        longest=settings.max_length,
    )
    if found.keys() == {"all"}:
        pairs, repeats = parallel.distinct(found["all"])
        if repeats:
            notes.append(f"{repeats:,} repeated pairs were dropped")
        return parallel.split(pairs, settings.split, seed=seed, form=form, dropped=repeats), PARTS, notes
    if "train" not in found:
        raise DataError(f"there is no train part, only {', '.join(found)}", remedy="name its files train.<language>")
    divided: tuple[str, ...] = ()
    if "validation" not in found:
        held = hold_out(settings.split)
        made = parallel.split(found["train"], held.fractions, seed=seed, form=form)
        notes.append(held.note)
        found, divided = found | {"train": made["train"], "validation": made["validation"]}, ("train", "validation")
    return {name: found.get(name, Pairs()) for name in PARTS}, divided, notes


Sides = tuple[Ragged, Ragged]
"""Sources and targets of the same pairs, without their ends."""


def _settled(
    parts: dict[str, Pairs], divided: tuple[str, ...], rows: dict[str, Sides], longest: int | None
) -> tuple[dict[str, Pairs], dict[str, Sides], list[str]]:
    """The parts, and their rows, with no source in two of those that were made here, as the network sees it; what to
    say of it. longest: tokens that it sees
    """

    def cut(side: Iterable[Ids]) -> list[bytes]:
        return [row_digest(row[:longest]) for row in side]

    forms = {name: cut(sources) for name, (sources, _) in rows.items()}
    settled, moved = gathered({name: parts[name].items for name in divided}, forms)
    notes = describe_moved(moved, "pair")
    if moved:
        where = {id(item): (name, i) for name in divided for i, item in enumerate(parts[name].items)}
        before = rows
        for name, items in settled.items():
            found = [where[id(item)] for item in items]
            of_sources, of_targets = (
                Ragged.of((before[part][side][i] for part, i in found), LARGEST_ID) for side in (0, 1)
            )
            rows = rows | {name: (of_sources, of_targets)}
        parts = parts | {name: Pairs(items, parts[name].blank) for name, items in settled.items()}
        forms = {name: cut(sources) for name, (sources, _) in rows.items()}
    seen = set(forms["train"])
    for name in ("validation", "test"):
        if not (same := [i for i, form in enumerate(forms[name]) if form in seen]):
            continue
        trained = set(zip(forms["train"], cut(rows["train"][1]), strict=True))
        targets = cut(rows[name][1][i] for i in same)
        whole = sum((forms[name][i], row) in trained for i, row in zip(same, targets, strict=True))
        if whole:
            notes.append(f"{whole:,} pairs of the {name} part stand in the training part too")
        if len(same) > whole:
            notes.append(
                f"{len(same) - whole:,} pairs of the {name} part have a source that stands in the training part with "
                "another translation"
            )
    if both := len(set(forms["validation"]) & set(forms["test"])):
        notes.append(f"sources in both validation and test: {both:,}")
    return parts, rows, notes


@in_memory
def read_pairs(source: Source, settings: TranslateDataSettings, notes: list[str] | None = None) -> dict[str, Pairs]:
    """The pairs of a source by part, or all of them under "all". Errors: DataError; UsageError for languages"""
    files, encoding = chosen_files(source, settings), settings.encoding
    if source.kind == "table" and _has_names(source, settings):
        found = {}
        for part, path in files.items():
            found[part], said = parallel.from_table(
                path, source=settings.text, target=settings.label, encoding=encoding, swap=settings.swap
            )
        if notes is not None:
            notes.append(said)
        return found
    if not two_files(source):
        return {
            part: parallel.from_columns(path, encoding=encoding, swap=settings.swap) for part, path in files.items()
        }
    found = {}
    names = list(files)
    for first, second in zip(names[::2], names[1::2], strict=True):
        a, b = (second, first) if settings.swap else (first, second)
        found[first.partition(".")[0]] = parallel.from_files(files[a], files[b], encoding=encoding)
    return found


def _has_names(source: Source, settings: TranslateDataSettings) -> bool:
    """Whether the columns of a table have names: those of a .tsv only if they are asked for, or as usual."""
    path = next(iter(source.files.values()))
    named = settings.text is not None or settings.label is not None
    return named or ending(path) != ".tsv" or parallel.has_header(path, settings.encoding)


def two_files(source: Source) -> bool:
    """Whether a part is two files, `part.language` each, and not one of two columns."""
    return all("." in key for key in source.files)


def chosen_files(source: Source, settings: TranslateDataSettings) -> dict[str, Path]:
    """The files that are read: of each part the source language's, then the target language's.

    Errors: UsageError for languages that there are not; DataError for a part that lacks one
    """
    if not two_files(source):
        if settings.languages is not None:
            raise UsageError("languages chooses files <part>.<language>; swap turns two columns round")
        return source.files
    there = list(dict.fromkeys(key.partition(".")[2] for key in source.files))
    asked = there if settings.languages is None else [name.strip() for name in settings.languages.split(",")]
    if len(asked) != 2 or not set(asked) <= set(there) or asked[0] == asked[1]:
        found = settings.languages or "none"
        raise UsageError(f"languages must be two of {', '.join(there)}, as in {','.join(there[:2])}; got {found}")
    parts = dict.fromkeys(key.partition(".")[0] for key in source.files)
    chosen = {}
    for part in parts:
        for language in asked:
            key = f"{part}.{language}"
            if key not in source.files:
                raise DataError(f"the {part} part lacks its file of {language}", file=source.name)
            chosen[key] = source.files[key]
    return chosen


def build_vocabulary(texts: list[str], settings: TranslateDataSettings) -> Words:
    """Of one side's training sentences. Errors: UsageError; DataError"""
    level = settings.level or "bpe"
    if level == "bpe":
        return Subwords.build(
            texts,
            normalize=settings.normalize,
            min_count=settings.min_count,
            max_size=settings.max_vocabulary or _size(texts),
        )
    rarest, largest = (1, None) if level == "byte" else (settings.min_count, settings.max_vocabulary or SIZE)
    return Vocabulary.build(
        texts, level=level, normalize=settings.normalize, split=settings.word_split, min_count=rarest, max_size=largest
    )


def _size(texts: list[str]) -> int:
    """SIZE pieces; beside its thousands of characters, of which all but single ones count, in a script like Chinese."""
    if not is_unspaced(writing(texts)):
        return SIZE
    return SIZE + sum(count > 1 for count in Counter("".join(texts)).values())


def encode_side(texts: list[str], vocabulary: Words) -> Iterator[Ids]:
    """Ids of some sentences, without the end; one that normalisation empty is one unknown token."""
    rows = vocabulary.encode_all(texts) if isinstance(vocabulary, Subwords) else map(vocabulary.encode, texts)
    return (row if len(row) else np.zeros(1, np.int64) for row in rows)


def encode_sides(pairs: Pairs, source: Words, target: Words) -> Sides:
    """Of some pairs."""
    return (
        Ragged.of(encode_side(pairs.sources, source), len(source) + 1),
        Ragged.of(encode_side(pairs.targets, target), len(target) + 1),
    )


def encode_pairs(
    pairs: Pairs,
    source: Words,
    target: Words,
    settings: TranslateDataSettings,
    *,
    learned: bool,
    rows: Sides | None = None,
) -> PairPart:
    """A part encoded. Pairs to learn from that are too long are dropped or truncated, as too_long says. Of pairs to
    evaluate none is dropped, since scores would not be comparable: their sources are truncated.

    rows: of the pairs, if they are encoded already
    """
    longest = LARGEST_ID if settings.max_length is None else settings.max_length
    sources, targets = rows or encode_sides(pairs, source, target)
    over = np.stack([sources.lengths > longest, learned & (targets.lengths > longest)])
    left_out = 0
    if learned and settings.too_long == "drop" and over.any():
        kept = np.flatnonzero(~over.any(0))
        left_out = len(pairs) - len(kept)
        sources, targets, over = sources.at(kept), targets.at(kept), over[:, kept]
        pairs = Pairs([pairs.items[i] for i in kept.tolist()])
    # a translation that was truncated has no end: the decoder must not learn to stop there
    written = (t[:longest] if cut else ended(t, target) for t, cut in zip(targets, over[1].tolist(), strict=True))
    read = (ended(s[:longest], source) for s in sources)
    return PairPart(
        [p.source for p in pairs.items],
        [p.target for p in pairs.items],
        Ragged.of(read, len(source) + 1),
        Ragged.of(written, len(target) + 1),
        left_out,
        int(over.sum()),
    )


def ended(row: Ids, vocabulary: Words) -> Ids:
    """A row with the end after it."""
    return np.append(row, len(vocabulary))
