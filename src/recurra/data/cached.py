"""What lies in the cache folder: data sets that were fetched, and what was made of data so as not to be made again."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from recurra.data.corpus.cache import HEADER
from recurra.data.datasets.download import cache_folder, unwritable
from recurra.errors import UnknownNameError
from recurra.locks import HeldError, holding

KINDS = {
    "data": "data sets; fetched again when they are asked for",
    "corpora": "tokenised texts; made again from the data",
    "tables": "large tables as a task reads them; made again from the data",
    "texts": "texts of tables and of several files, in one; made again from the data",
    "unpacked": "archives of several files; runs that learned from them need them to be resumed or evaluated again",
    "features": "vectors of pictures by frozen encoders, frames of recordings; made again from these",
    "encoders": "weights of these encoders; made again from their package",
    "given": "data given in memory; runs that learned from them need them to be resumed or evaluated again",
}
"""The folders of the cache, and what becomes of what is cleared. Nothing else there is looked at."""


@dataclass(frozen=True)
class Entry:
    """One thing in the cache. about: what it is, for people. Units: bytes"""

    kind: str
    name: str
    path: Path
    bytes: int
    about: str = ""


def entries() -> list[Entry]:
    """All of it, by kind and name. Errors: OSError for a folder that cannot be read"""
    return [entry for kind in KINDS for entry in _of_kind(kind)]


def chosen(found: Sequence[Entry], names: Sequence[str]) -> list[Entry]:
    """Those whose kind or name is among `names`, all if none is given. Errors: UnknownNameError"""
    known = {*KINDS, *(entry.name for entry in found)}
    for name in names:
        if name not in known:
            shown = {*KINDS, *(entry.name for entry in found if entry.kind == "data")}  # others are long digits
            raise UnknownNameError("cached thing", name, shown)
    return [entry for entry in found if not names or entry.kind in names or entry.name in names]


def clear(found: Sequence[Entry]) -> Iterator[tuple[Entry, str | None]]:
    """Remove them, one after the other: each with None, or with the reason why it was left: somebody is writing it.

    Errors: DataError if the cache cannot be written to
    """
    for entry in found:
        try:
            with holding(entry.path):
                _remove(entry.path)
        except HeldError as held:
            yield entry, str(held)
        except OSError as error:
            raise unwritable(entry.path, error) from error
        else:
            yield entry, None


def _of_kind(kind: str) -> Iterator[Entry]:
    folder = cache_folder() / kind
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if not path.name.startswith("."):
            yield Entry(kind, path.name, path, _size(path), _about(kind, path))


def _size(path: Path) -> int:
    if path.is_symlink() or not path.is_dir():
        return path.lstat().st_size
    return sum(os.lstat(os.path.join(at, name)).st_size for at, _, names in os.walk(path) for name in names)


def _about(kind: str, path: Path) -> str:
    """What a corpus holds, for its name says nothing."""
    if kind != "corpora":
        return ""
    try:
        content = json.loads((path / HEADER).read_text(encoding="utf-8"))["content"]
        counts = [f"{part['characters']:,} characters of {name}" for name, part in content["parts"].items()]
    except (OSError, ValueError, KeyError, TypeError):
        return "not whole"
    return ", ".join(counts)


def _remove(path: Path) -> None:
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
    else:
        shutil.rmtree(path)
