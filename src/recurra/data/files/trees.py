"""Folders of files as one thing: which files are below, and one digest of them all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from recurra.data.files.sources import sha256
from recurra.errors import DataError


def files_below(folder: Path) -> Iterator[Path]:
    """The files in a folder and in its folders, sorted by path; hidden ones are left out. Errors: DataError"""
    try:
        entries = sorted((entry.name, entry.is_dir()) for entry in os.scandir(folder) if not entry.name.startswith("."))
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", file=folder) from error
    for name, is_folder in entries:
        if is_folder:
            yield from files_below(folder / name)
        else:
            yield folder / name


def digest(path: Path) -> tuple[str, int]:
    """SHA-256 and bytes of a file, or of all files of a folder with their places in it. Errors: DataError"""
    if not path.is_dir():
        return sha256(path), path.stat().st_size
    found, size = hashlib.sha256(), 0
    for each in files_below(path):
        found.update(f"{each.relative_to(path).as_posix()}\0{sha256(each)}\n".encode(errors="surrogateescape"))
        size += each.stat().st_size
    return found.hexdigest(), size
