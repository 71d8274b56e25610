"""Where a run's data are: written into a model folder so that it can be shipped, found again from there.

A named data set is written as its name. Other files are written relative to the model folder, never by the whole path
of somebody's machine; a folder that is moved together with its data still finds them. Only
the command stands there as it was typed.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from recurra.errors import DataError, UsageError
from recurra.tasks.sources.resolving import named_source
from recurra.tasks.sources.source import Source, hashes
from recurra.tasks.stored import Config, StoredData, of_folder


def to_json(source: Source, folder: Path) -> dict[str, Any]:
    """What `find` reads. The files are a list, for their order matters and JSON objects have none."""
    files = [] if source.named else [[key, _relative(path, folder)] for key, path in source.files.items()]
    return {
        "name": source.name,
        "task": source.task,
        "kind": source.kind,
        "named": source.named,
        "files": files,
        "options": source.options,
        "why": source.why,
    }


def find(config: Config, folder: Path) -> Source:
    """The data of a run, which are those that it was trained on.

    Errors: DataError if they are not there any more, or are others; ModelFolderError if the folder names none
    """
    stored = config.source
    if stored.named:
        try:
            source = replace(named_source(stored.name), task=stored.task)
        except UsageError as error:
            raise of_folder(folder, error) from error
    else:
        place = folder.resolve()
        files = {key: Path(os.path.normpath(place / path)) for key, path in stored.files}
        source = Source(stored.name, stored.task, stored.kind, files, stored.options, stored.why)
    for path in source.files.values():
        if not os.path.exists(path):  # of paths that cannot be, too
            raise DataError("the data of this run are gone", remedy="name the data to evaluate it on", file=path)
    check_same([file.model_dump() for file in config.data.files], source)
    return source


def check_same(then: list[dict[str, Any]], source: Source) -> None:
    """Errors: DataError if a file is not what the run was trained on; those of another size are not read"""
    paths = list(source.files.values())
    for old, path in zip(then, paths, strict=False):  # in the order of the run: several may have one name, as seq.in
        size = path.stat().st_size if path.is_file() and path.name == old["name"] else old["size_bytes"]
        if size != old["size_bytes"]:
            raise DataError(
                f"{old['name']} is not the file of this run ({size:,} bytes, then {old['size_bytes']:,})",
                remedy="put the old file back, or name the data to evaluate the model on",
            )
    now = hashes(source.files)
    if [f["name"] for f in then] != [f["name"] for f in now]:
        raise DataError(
            f"the data of this run were {_names(then)}, now they are {_names(now)}",
            remedy="put the old files back, or name the data to evaluate the model on",
        )
    for old, new in zip(then, now, strict=True):
        if old["sha256"] != new["sha256"]:
            raise DataError(
                f"{new['name']} is not the file of this run (SHA-256 {new['sha256'][:12]}, then {old['sha256'][:12]})",
                remedy="put the old file back, or name the data to evaluate the model on",
            )


def check_divided(then: StoredData, now: dict[str, Any]) -> None:
    """Whether the data of a run were divided as they are now: what is held out now must not have been trained on.

    Errors: DataError
    """
    if (then.training_part, then.counts) != (now["training_part"], now["counts"]):
        raise DataError(
            "another version of Recurra divided the data of this run otherwise: what is held out now may have been in "
            "its training part",
            remedy="train anew, or name other data to evaluate the model on",
        )


def _relative(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:  # another drive of Windows, to which no relative path leads
        return str(path.resolve())


def _names(files: list[dict[str, Any]]) -> str:
    shown = ", ".join(f["name"] for f in files[:4])
    return shown if len(files) <= 4 else f"{shown} and {len(files) - 4} more"
