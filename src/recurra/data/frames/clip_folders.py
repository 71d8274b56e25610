"""Folders of clips, of features of clips, or of pictures: what is where, and under which label."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Literal

from recurra.data.files.tables import KINDS as TABLES
from recurra.data.files.tables import column_names
from recurra.data.frames.table import LABEL_NAMES
from recurra.data.pictures.decoding import is_picture
from recurra.data.splits import PART_NAMES
from recurra.errors import DataError, listed

Layout = Literal["clips", "images"]
FEATURES = (".npy", ".safetensors")
"""A file a clip, [T, I]."""
DEEPEST = 4
"""Folders below each other that are looked into."""
LOOKED_AT = 2_000
"""Entries of a folder that are looked at to tell what it holds."""


@dataclass(frozen=True)
class Place:
    """A clip or a picture.

    path: a folder of frames, or a file; relative: from the folder of all; label: "" if nothing says it
    """

    path: Path
    relative: PurePosixPath
    label: str


def look_for_pictures(folder: Path) -> tuple[Layout, dict[str, Path]] | None:
    """Whether a folder holds clips or single pictures, and its parts, all of it under "all"; None for other data.

    Folders named train, validation and test are parts. Below: pictures in folders of labels are single ones; pictures
    in folders in folders of labels, or in folders beside a table, are clips, and so are files of features.
    """
    below = [path for path in islice(_entries(folder), LOOKED_AT) if path.is_dir()]
    parts: dict[str, Path] = {}
    for path in below:
        if (part := PART_NAMES.get(path.name.lower())) is not None:
            parts.setdefault(part, path)
    if "train" in parts and len(parts) == len(below):
        found = _layout(parts["train"])
        return None if found is None else (found, parts)
    found = _layout(folder)
    return None if found is None else (found, {"all": folder})


def table_of(folder: Path) -> Path | None:
    """The table beside clips. Errors: DataError for several"""
    found = [path for path in _entries(folder) if path.suffix.lower() in TABLES and path.is_file()]
    if len(found) > 1:
        raise DataError(
            f"{len(found)} tables beside the clips: {listed([path.name for path in found], 4)}",
            remedy="leave one of them here",
            file=folder,
        )
    return found[0] if found else None


def find_clips(folder: Path, layout: Layout, *, labelled: bool) -> list[Place]:
    """The clips or pictures of a folder, sorted. labelled: whether the folder above is the label

    Errors: DataError for an empty folder, one that holds pictures beside folders, clips without a folder of their label
    """
    found = list(_below(folder, folder, layout, 0))
    if not found:
        raise DataError(
            "this folder holds no picture and no file of features",
            remedy=f"clips are folders of pictures, or files {', '.join(FEATURES)}",
            file=folder,
        )
    for path in _empty(folder, layout):
        raise DataError("this folder is empty", remedy="put the frames into it, or remove it", file=path)
    made = []
    for path in found:
        relative = PurePosixPath(path.relative_to(folder).as_posix())
        if labelled and len(relative.parts) < 2:
            raise DataError(
                f"{relative} stands in no folder of its label, and no table says what it is",
                remedy="put it into a folder named as its label, or give a table of names and labels beside it",
                file=folder,
            )
        made.append(Place(path, relative, relative.parts[-2] if labelled else ""))
    return made


def _entries(folder: Path) -> Iterator[Path]:
    """What is in a folder, sorted, without what is hidden. Errors: DataError"""
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if not entry.name.startswith("."))
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", file=folder) from error
    return (folder / name for name in names)


def _layout(folder: Path) -> Layout | None:
    some = list(islice(_entries(folder), LOOKED_AT))
    table = any(path.suffix.lower() in TABLES for path in some)
    folders = [path for path in some if path.is_dir()][:20]
    if any(path.suffix.lower() == ".npy" for path in some) or (
        table and any(path.suffix.lower() in FEATURES for path in some)
    ):
        return "clips"
    if any(is_picture(path) for path in some):
        return "images" if any(_labels(path) for path in some) else None
    return next((layout for each in folders if (layout := _layout_below(each, table)) is not None), None)


def _layout_below(folder: Path, table: bool) -> Layout | None:
    """What a folder beside others holds; table: whether one stands beside them."""
    try:
        inner = list(islice(_entries(folder), LOOKED_AT))
        if any(path.suffix.lower() in FEATURES for path in inner) and not (folder / "manifest.json").exists():
            return "clips"
        if any(is_picture(path) for path in inner):
            return "clips" if table else "images"
        deeper = (path for sub in inner[:20] if sub.is_dir() for path in islice(_entries(sub), LOOKED_AT))
        return "clips" if any(is_picture(path) for path in deeper) else None
    except DataError:  # who reads it tells
        return None


def _labels(path: Path) -> bool:
    """Whether it is a table with a column of labels; captions have none."""
    if path.suffix.lower() not in TABLES:
        return False
    try:
        return any(name.strip().lower() in LABEL_NAMES for name in column_names(path))
    except DataError:
        return False


def _below(folder: Path, root: Path, layout: Layout, depth: int) -> Iterator[Path]:
    if depth > DEEPEST:
        raise DataError(f"folders lie {depth} deep below {root.name}; {DEEPEST} at most are read", file=folder)
    entries = list(_entries(folder))
    pictures = [path for path in entries if is_picture(path)]
    folders = [path for path in entries if path.is_dir()]
    if layout == "images":
        yield from pictures
    elif pictures and folder != root:
        if folders:
            raise DataError(
                f"this folder holds pictures, as {pictures[0].name}, and folders, as {folders[0].name}/",
                remedy="a clip is a folder of its frames alone",
                file=folder,
            )
        yield folder
    elif pictures:
        raise DataError(
            f"{pictures[0].name} stands beside clips", remedy="a clip is a folder of its frames", file=folder
        )
    if layout == "clips":
        yield from (path for path in entries if path.suffix.lower() in FEATURES and path.is_file())
    for each in folders:
        yield from _below(each, root, layout, depth + 1)


def _empty(folder: Path, layout: Layout) -> Iterator[Path]:
    """Folders without anything in them."""
    for path in _entries(folder):
        if path.is_dir():
            if next(_entries(path), None) is None:
                yield path
            elif layout == "clips":
                yield from _empty(path, layout)
