"""Sentence pairs as they are read and divided, before vocabularies are made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from recurra.data import share
from recurra.data.files import parallel
from recurra.data.files.pair_rows import PairRows, Pairs
from recurra.data.splits import PARTS, hold_out
from recurra.data.tokens.cut import Cut
from recurra.data.tokens.drafted import Drafted
from recurra.data.tokens.scripts import is_unspaced, writing
from recurra.data.twins import form_of
from recurra.errors import DataError, UsageError
from recurra.tasks.read_once import bytes_of
from recurra.tasks.sources.file_names import ending
from recurra.tasks.sources.source import Source, in_memory
from recurra.tasks.translate.settings import TranslateDataSettings

Drafts = tuple[Drafted | None, Drafted | None]
"""Sources and targets of a file as words, where they are cut into words."""

SHARES = {"word": (0.1, 0.8), "bpe": (0.1, 0.4)}
"""Of the time, after reading and after cutting into words."""


@dataclass
class Read:
    """The parts as they were read; divided: those that were made here, which may be put right.

    drafts: of the file that a part is from
    """

    parts: dict[str, Pairs]
    divided: tuple[str, ...]
    notes: list[str]
    drafts: dict[str, Drafts]


def read(source: Source, settings: TranslateDataSettings, seed: int, folder: Path | None = None) -> Read:
    """The three parts. folder: for what is not held in memory"""
    notes: list[str] = []
    first, cut = SHARES.get(settings.level or "bpe", (0.25, 0.25))
    with share.stage(0, first, bytes_of(source)):
        found = read_pairs(source, settings, notes, folder)
    with share.stage(first, cut, 2 * sum(map(len, found.values()))):
        drafts = {name: _drafted(pairs, settings, folder) for name, pairs in found.items()}
    form = form_of(
        level=settings.level or "bpe",
        normalize_by=settings.normalize,
        split=settings.word_split,
        longest=settings.max_length,
    )

    def settled(pairs: Pairs) -> Pairs:
        return Pairs(pairs.items.divided(), pairs.blank) if isinstance(pairs.items, PairRows) else pairs

    def divide(pairs: Pairs, name: str, shares: tuple[float, float, float], dropped: int = 0) -> dict[str, Pairs]:
        drafted, keys = drafts[name][0], None
        if drafted is not None and isinstance(pairs.items, PairRows):
            keys = drafted.keys(settings.max_length if settings.level == "word" else None)[pairs.items.rows]
        return parallel.split(pairs, shares, seed=seed, form=form, keys=keys, dropped=dropped)

    if found.keys() == {"all"}:
        pairs, repeats = parallel.distinct(found["all"])
        if repeats:
            notes.append(f"{repeats:,} repeated pairs were dropped")
        parts = divide(pairs, "all", settings.split, repeats)
        kept = {name: settled(part) for name, part in parts.items()}
        return Read(kept, PARTS, notes, dict.fromkeys(PARTS, drafts["all"]))
    if "train" not in found:
        raise DataError(f"there is no train part, only {', '.join(found)}", remedy="name its files train.<language>")
    divided: tuple[str, ...] = ()
    if "validation" not in found:
        held = hold_out(settings.split)
        made = divide(found["train"], "train", held.fractions)
        notes.append(held.note)
        found, divided = found | {"train": made["train"], "validation": made["validation"]}, ("train", "validation")
        drafts["validation"] = drafts["train"]
    none: Drafts = (None, None)
    return Read(
        {name: settled(found.get(name, Pairs())) for name in PARTS},
        divided,
        notes,
        {name: drafts.get(name, none) for name in PARTS},
    )


def _drafted(pairs: Pairs, settings: TranslateDataSettings, folder: Path | None) -> Drafts:
    level = settings.level or "bpe"

    def of_side(texts: Sequence[str]) -> Drafted | None:
        if level == "word":
            return Drafted(texts, Cut("words", settings.normalize, settings.word_split), folder)
        if level != "bpe" or is_unspaced(writing(texts)):  # every sentence would be a word of its own
            return None
        return Drafted(texts, Cut("between spaces", settings.normalize), folder)

    return of_side(pairs.sources), of_side(pairs.targets)


@in_memory
def read_pairs(
    source: Source, settings: TranslateDataSettings, notes: list[str] | None = None, folder: Path | None = None
) -> dict[str, Pairs]:
    """The pairs of a source by part, or all of them under "all". folder: see `parallel.from_columns`

    Errors: DataError; UsageError for languages
    """
    files, encoding = chosen_files(source, settings), settings.encoding
    if source.kind == "table" and _has_names(source, settings):
        found = {}
        for part, path in files.items():
            found[part], said = parallel.from_table(
                path,
                source=settings.text,
                target=settings.label,
                encoding=encoding,
                swap=settings.swap,
                folder=folder,
            )
        if notes is not None:
            notes.append(said)
        return found
    if not two_files(source):
        return {
            part: parallel.from_columns(path, encoding=encoding, swap=settings.swap, folder=folder)
            for part, path in files.items()
        }
    found = {}
    names = list(files)
    for first, second in zip(names[::2], names[1::2], strict=True):
        a, b = (second, first) if settings.swap else (first, second)
        found[first.partition(".")[0]] = parallel.from_files(files[a], files[b], encoding=encoding, folder=folder)
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
