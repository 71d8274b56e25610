"""Inputs that are files: those that a command line or standard input names, and all in a folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
