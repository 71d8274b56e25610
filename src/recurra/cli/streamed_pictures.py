"""What `recurra predict RUN --stream` reads of clips: pictures of a folder or named on standard input, and features."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recurra.errors import DataError, UsageError

if TYPE_CHECKING:
    import numpy as np

LONGEST_PATH = 4096


def is_of_pictures(model: Any, where: str) -> bool:
    """Whether a model of frames reads pictures, or this file holds features of them."""
    from recurra.data.frames.clip_folders import FEATURES

    return model.preprocessor.picture is not None or Path(where).suffix.lower() in FEATURES


def pictures(where: str, model: Any) -> Iterator[np.ndarray[Any, Any]]:
    """A frame after the other: the pictures of a clip in their order, each read when its turn comes; of pictures that
    are read row by row, and of features, the rows of one file. `-`: paths of pictures on standard input, a line each.

    Errors: DataError; UsageError for a folder of several clips
    """
    shape = model.preprocessor.picture
    if shape is None or shape.rows:
        if where == "-":
            raise UsageError("--stream - reads paths of pictures of a clip, or rows of a table; name the file instead")
        found = model.read(Path(where))
        if len(found) != 1:
            raise UsageError(f"{where} holds {len(found):,} sequences; --stream hears one")
        yield from found[0].values
        return
    from recurra.data.pictures.decoding import Form, read_picture

    form = Form((shape.height, shape.width), 3 if shape.channels == 3 else 1)
    for path in _paths(where):
        yield read_picture(path, form).pixels.reshape(-1)


def _paths(where: str) -> Iterator[Path]:
    from recurra.data.frames.numbered import numbered
    from recurra.data.pictures.decoding import is_picture

    if where == "-":
        for number, line in enumerate(iter(lambda: sys.stdin.readline(LONGEST_PATH), ""), start=1):
            path = Path(line.rstrip("\r\n"))
            if not line.strip():
                continue
            if not path.is_file():
                raise DataError(
                    f"there is no file {str(path)[:80]!r}",
                    remedy="this model reads pictures: a path a line",
                    file="standard input",
                    line=number,
                )
            yield path
        return
    place = Path(where)
    if not place.exists():
        raise DataError("no such file or folder", file=place)
    if not place.is_dir():
        yield place
        return
    if not any(is_picture(path) for path in place.iterdir()) and any(path.is_dir() for path in place.iterdir()):
        inner = next(path for path in sorted(place.iterdir()) if path.is_dir())
        raise UsageError(f"--stream hears one clip, a folder of its pictures; {where} holds folders, as {inner.name}")
    for _, path in numbered(place):
        yield path
