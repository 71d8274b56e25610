"""Files of a folder that are the frames of a clip: in order, and none missing."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

from recurra.data.pictures.decoding import is_picture
from recurra.errors import DataError

_NUMBER = re.compile(r"(.*?)(\d+)(\D*)")


def numbered(folder: Path) -> list[tuple[int, Path]]:
    """The pictures of a folder and their numbers: those in their names, from 1 by their names if these have none.

    Numbers rise by the same step, 1 as a rule.
    Errors: DataError for a missing frame, a number that stands twice, pictures with and without numbers, no picture
    """
    paths = sorted(path for path in folder.iterdir() if is_picture(path) and not path.name.startswith("."))
    if not paths:
        raise DataError("this folder holds no picture", remedy="a clip is a folder of its frames", file=folder)
    found = {path: _NUMBER.fullmatch(path.stem) for path in paths}
    without = [path for path, match in found.items() if match is None]
    if len(without) == len(paths):
        return list(enumerate(paths, start=1))
    if without:
        raise DataError(
            f"{without[0].name} has no number in its name, {next(p for p in paths if p not in without).name} has one",
            remedy="number all frames of a clip",
            file=folder,
        )
    frames = sorted((int(match[2]), path) for path, match in found.items() if match is not None)
    step = min((b - a for (a, _), (b, _) in pairwise(frames) if b > a), default=1)
    for (a, before), (b, path) in pairwise(frames):
        if a == b:
            raise DataError(f"{before.name} and {path.name} are both frame {a}", remedy="rename one", file=folder)
    for (a, before), (b, path) in pairwise(frames):
        if b - a != step:
            missing = f"frame {a + step} is" if b - a == 2 * step else f"frames {a + step} to {b - step} are"
            raise DataError(
                f"{missing} missing between {before.name} and {path.name}",
                remedy="put them there, or make two clips of the folder",
                file=folder,
            )
    return frames
