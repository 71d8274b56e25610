"""The formats of data files, a row each: how a file is known to be of it, and what several of them are together."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from recurra.tasks.sources import file_kinds, file_names, sounds
from recurra.tasks.sources.file_names import PACKED
from recurra.tasks.sources.source import SourceKind


@dataclass(frozen=True)
class Format:
    """One format.

    kind: of the source that its files are; noun: several of them, for people; holds: one of them, as the end of a
    sentence that begins with its name; is_one: whether a file is of it; name: what a source of the file is called, or
    the file among several; parts: files of a folder may be named train, test, ...; by_name: several files of a folder
    that are no parts are one source, each under its name; shared: they may be of a later format too, which a task reads
    that does not read this one
    """

    kind: SourceKind
    noun: str
    holds: str
    is_one: Callable[[Path], bool]
    name: Callable[[Path], str]
    parts: bool = True
    by_name: bool = False
    shared: bool = False


def _stem(path: Path) -> str:
    return path.stem


def _before_a_dot(path: Path) -> str:
    return path.name.partition(".")[0]


def _without_packing(path: Path) -> str:
    return Path(path.stem).stem if path.suffix.lower() in PACKED else path.stem


FORMATS = (
    Format(
        "captions", "caption files", "holds captions of pictures", file_kinds.is_captions, _without_packing, shared=True
    ),
    Format("tagged", "tagged files", "holds tagged tokens", file_names.is_tagged, _before_a_dot),
    Format("tunes", "tunes", "holds tunes", file_names.is_tunes, _before_a_dot, parts=False, by_name=True),
    Format("poems", "poems", "holds poems", file_kinds.is_poems, _stem, by_name=True),
    Format(
        "sounds",
        "tables of recordings",
        "lists recordings and their labels",
        sounds.lists_labels,
        _without_packing,
        shared=True,
    ),
    Format(
        "events",
        "tables of recordings",
        "lists what happens in recordings",
        sounds.lists_what_happens,
        _without_packing,
        shared=True,
    ),
    Format(
        "sequences",
        "files of frames",
        "holds labelled sequences of frames",
        file_kinds.is_frames,
        _without_packing,
        shared=True,
    ),
    Format("series", "series", "holds times and numbers", file_kinds.is_series, _without_packing, shared=True),
    Format("table", "tables", "is a table", file_kinds.is_table, _without_packing),
    Format("tagged", "tagged files", "holds tagged tokens", file_kinds.is_columns, _before_a_dot, shared=True),
)
"""In the order in which a file is tried; what is none of them is text."""
TEXT = Format("text", "texts", "is running text", file_kinds.is_text, _stem)
"""Of a folder only files that are named as texts."""


def format_of(path: Path, kinds: Collection[SourceKind] | None = None) -> Format:
    """What a file is. kinds: of sources that are read; None for all"""
    read = (each for each in FORMATS if not each.shared or kinds is None or each.kind in kinds)
    return next((each for each in read if each.is_one(path)), TEXT)
