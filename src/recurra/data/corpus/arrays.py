"""Arrays in a folder of the cache, with what is header of them: mapped from disk when they are read again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.data.corpus.cache import content_digest
from recurra.data.files.sources import sha256
from recurra.data.packed import OnDisk, PackedTexts
from recurra.errors import DataError

HEADER = "arrays.json"
Array = npt.NDArray[Any]


def write_arrays(folder: Path, header: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
    """header: JSON values. The header comes last: it names every file of the folder, with its size in bytes."""
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)
    sizes = {path.name: path.stat().st_size for path in sorted(folder.iterdir())}
    content = {"header": dict(header), "sizes": sizes}
    whole = json.dumps({"content": content, "sha256": content_digest(content)})
    (folder / HEADER).write_text(whole, encoding="utf-8")


def load_arrays(folder: Path) -> tuple[dict[str, Any], dict[str, Array]]:
    """What was header, and the arrays, mapped. Errors: OSError, ValueError, KeyError, TypeError if it is not whole"""
    whole = json.loads((folder / HEADER).read_text(encoding="utf-8"))
    content = whole["content"]
    if content_digest(content) != whole["sha256"]:
        raise ValueError(f"{HEADER} was altered")
    arrays = {}
    for name, size in content["sizes"].items():
        path = folder / name
        if path.stat().st_size != size:
            raise ValueError(f"{name} has {path.stat().st_size} bytes, not {size}")
        if path.suffix == ".npy":
            arrays[path.stem] = np.load(path, mmap_mode="r", allow_pickle=False)
    return content["header"], arrays


def write_letters(folder: Path, name: str, texts: PackedTexts) -> dict[str, Array]:
    """All texts of a row of bytes into a file of the folder. Returns the array that belongs to it."""
    last = int(texts.starts[-1])
    with (folder / f"{name}.letters").open("wb") as file:
        for start in range(0, last, 1 << 24):
            file.write(texts.letters.read(start, min(start + (1 << 24), last)))
    return {f"{name}-starts": texts.starts}


def load_letters(folder: Path, name: str, arrays: Mapping[str, Array]) -> PackedTexts:
    """What `write_letters` wrote, of which only what is asked for is read. Errors: as `load_arrays`"""
    letters = OnDisk((folder / f"{name}.letters").open("rb"))
    return PackedTexts(letters, np.asarray(arrays[f"{name}-starts"]))


def file_key(paths: Mapping[str, Path]) -> list[list[str]]:
    """What the files hold, for the name of a folder."""
    return [[part, sha256(path)] for part, path in paths.items()]


def check_room(folder: Path, files: Iterable[Path], times: float) -> None:
    """times: what is written while the folder is made, as bytes of a file's byte.

    Errors: DataError if the disk is too small for that, before anything is written
    """
    size = sum(path.stat().st_size for path in files)
    needed, free = times * size, shutil.disk_usage(folder).free
    if needed > free:
        raise DataError(
            f"the cache needs about {needed / 1e6:,.0f} MB for data of {size / 1e6:,.0f} MB, and "
            f"{free / 1e6:,.0f} MB are free there",
            remedy="set RECURRA_CACHE to a folder with room, or clear it: recurra cache --clear",
            file=folder.parent,
        )
