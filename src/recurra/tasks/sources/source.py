"""Files that something is learned from, and what they are."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar

from recurra.data.files.trees import digest
from recurra.errors import DataError

SourceKind = Literal[
    "text", "texts", "table", "labels", "labelled", "tagged", "parallel", "tunes", "poems", "series",
    "sequences", "sounds", "events", "clips", "images", "captions",
]  # fmt: skip


@dataclass(frozen=True)
class Source:
    """Files and what they are.

    kind: "text" (running text), "texts" (several, each divided by itself), "table" (rows with columns), "labels" (a
    file of lines for each label), "labelled" (line n of one file is the label of line n of another), "tagged"
    (tokens with tags), "parallel" (line n of two files is the same sentence), "tunes" (ABC) or "poems" (JSON);
    files: by part ("train", ...) or label, or all of it under "all", folders where a kind is of folders;
    options: settings that belong to these data;
    why: how the task was found, for people; named: it is the named data set, nothing else.
    """

    name: str
    task: str
    kind: SourceKind
    files: dict[str, Path]
    options: dict[str, Any] = field(default_factory=dict)
    why: str = ""
    named: bool = False


_Given = ParamSpec("_Given")
_Read = TypeVar("_Read")


def in_memory(
    read: Callable[Concatenate[Source, _Given], _Read],
) -> Callable[Concatenate[Source, _Given], _Read]:
    """A function that holds what it reads of a source in memory. Errors: DataError if there is not enough of it"""

    @functools.wraps(read)
    def reading(source: Source, /, *given: _Given.args, **named: _Given.kwargs) -> _Read:
        try:
            return read(source, *given, **named)
        except MemoryError:
            size = sum(path.stat().st_size for path in source.files.values())
            raise DataError(
                f"there is not enough memory to read this: {size:,} bytes in {len(source.files)} "
                f"file{'' if len(source.files) == 1 else 's'}",
                remedy="give less of it, or more memory",
                file=next(iter(source.files.values())),
            ) from None

    return reading


def hashes(files: Mapping[str, Path]) -> list[dict[str, Any]]:
    """Name, size in bytes and SHA-256 of each file; of a folder, of all that is in it."""
    found = [(path.name, *digest(path)) for path in files.values()]
    return [{"name": name, "sha256": sha256, "size_bytes": size} for name, sha256, size in found]
