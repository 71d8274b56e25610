"""Files that somebody chose in the page: read once from a folder of their own that is gone again, never by a path."""

from __future__ import annotations

import base64
import binascii
import tempfile
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from pydantic import BaseModel, Field

from recurra.data.pictures.decoding import is_picture
from recurra.data.series.panel import Panel
from recurra.errors import DataError, UsageError
from recurra.inspector.inspected import OFFERED, Inspected
from recurra.tasks.abilities import ReadingFiles, ReadingFolders, able
from recurra.tasks.own_inputs import OwnInput

FIRST = 1_000_000
"""Their numbers begin here, behind those of the run's own inputs."""
KEPT = 4 * OFFERED
"""Inputs out of such files that are kept."""
LONGEST = 120
"""Characters of a name."""


class Sent(BaseModel, extra="forbid"):
    """A file. name: without a folder; data: its bytes in base 64"""

    name: str = Field(min_length=1)
    data: str


class Files(BaseModel, extra="forbid"):
    """Some files: a table, recordings, or the pictures of one clip in the order of their names."""

    files: list[Sent] = Field(min_length=1, max_length=2000)


class SentFiles:
    """What all runs read of such files, by number, the newest ones."""

    def __init__(self, runs: Sequence[Inspected]) -> None:
        self._runs = runs
        self._kept: OrderedDict[int, list[OwnInput]] = OrderedDict()
        self._next = FIRST

    def add(self, files: Sequence[Sent]) -> tuple[list[tuple[int, OwnInput]], int]:
        """The first inputs in them with their numbers, and how many there are. Errors: UsageError, DataError"""
        with tempfile.TemporaryDirectory(prefix="recurra-") as made:
            folder = Path(made)
            paths = [_written(folder, number, one) for number, one in enumerate(files)]
            found = [_read(run, paths) for run in self._runs]
        count = min(map(len, found))
        offered = []
        for row in list(zip(*found, strict=False))[:OFFERED]:
            self._kept[self._next] = list(row)
            offered.append((self._next, row[0]))
            self._next += 1
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return offered, count

    def of(self, run: int, number: int) -> OwnInput:
        """Errors: UsageError for one that is not kept any more"""
        if number not in self._kept:
            raise UsageError(f"input {number} is not kept any more; choose its file again")
        return self._kept[number][run]


def _written(folder: Path, number: int, one: Sent) -> Path:
    name = one.name
    alone = name == PurePosixPath(name).name == PureWindowsPath(name).name and name not in (".", "..")
    if not alone or len(name) > LONGEST or not name.isprintable() or len(name.encode("utf-8", "replace")) > 2 * LONGEST:
        raise UsageError(f"{name[:LONGEST]!r} is no name of a file without its folder")
    try:
        content = base64.b64decode(one.data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise UsageError(f"the bytes of {name} are not in base 64: {error}") from error
    path = folder / name
    if path.exists():
        raise UsageError(f"{name} is there twice")
    path.write_bytes(content)
    return path


def _read(run: Inspected, paths: Sequence[Path]) -> list[OwnInput]:
    model: ReadingFiles = able(run.model, ReadingFiles, "read files")
    one_clip = len(paths) > 1 and all(map(is_picture, paths)) and not isinstance(model, ReadingFolders)
    first = paths[0]
    try:
        with run.lock:
            if one_clip:
                found = _apart(f"{first.name} … ({len(paths)})", model.read(first.parent))
            else:
                found = [one for path in paths for one in _apart(path.name, model.read(path))]
    except DataError as error:
        raise UsageError(str(error).replace(f"{first.parent}/", "").replace(str(first.parent), "the files")) from error
    if not found:
        raise UsageError(f"there is nothing in {first.name}")
    return found


def _apart(name: str, given: Any) -> list[OwnInput]:
    """What was read of a file, sequence by sequence and series by series."""
    if isinstance(given, Panel):
        rows: list[Any] = [replace(given, series=[one]) for one in given.series]
        said = [one.name for one in given.series]
    else:
        rows = given if isinstance(given, list) else [given]
        said = [getattr(one, "name", "") for one in rows]
    return [
        OwnInput(name if len(rows) == 1 else f"{name}: {said_of}", one) for said_of, one in zip(said, rows, strict=True)
    ]
