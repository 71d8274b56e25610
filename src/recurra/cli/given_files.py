"""Inputs that a command line or standard input names: a text, files, and all files in a folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recurra.cli.values import text
from recurra.errors import UsageError

if TYPE_CHECKING:
    from recurra.tasks.abilities import ReadingFiles

AT_ONCE = 32
"""Files of folders that are in memory together."""


def read_inputs(model: ReadingFiles, batches: Iterable[list[str]]) -> Iterator[list[Any]]:
    """What a model reads of paths, batch by batch; of folders, so many files at a time. Errors: DataError"""
    from recurra.tasks.abilities import ReadingFolders

    for paths in ([Path(path) for path in each] for each in batches):
        if not isinstance(model, ReadingFolders) or not any(path.is_dir() for path in paths):
            yield [model.read(path) for path in paths]
            continue
        files = [file for path in paths for file in (model.files(path) if path.is_dir() else [path])]
        for start in range(0, len(files), AT_ONCE):
            yield [model.read(file) for file in files[start : start + AT_ONCE]]


def read_input(model: Any, given: str | None) -> Any:
    """One input as the model reads it: a text, or what is in a file; if it is not named, the run's own series.

    Errors: UsageError if it must be named; DataError
    """
    from recurra.tasks.abilities import GoingOn, ReadingFiles

    if given is None:
        if not isinstance(model, GoingOn):
            raise UsageError("name what to read, as the second argument")
        return model.tail()
    return model.read(Path(given)) if isinstance(model, ReadingFiles) else text(given)
