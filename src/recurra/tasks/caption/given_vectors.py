"""Vectors of pictures that another model made, from files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.errors import DataError, UsageError, listed, quoted

Float32 = npt.NDArray[np.float32]
MOST_BYTES = 8 << 30
"""Of a file of vectors."""


def find(given: str, beside: Path) -> Path:
    """The file that the user means: as it is, or beside the captions. Errors: DataError"""
    for path in (beside.parent / given, Path(given)):
        if path.exists():
            return path
    raise DataError("there is no such file of vectors, neither here nor beside the captions", file=given)


def read_vectors(path: Path, names: Sequence[str]) -> Float32:
    """A grid for each of the pictures, in the order of `names`.

    path: .npy with a row for each picture in the order of their first captions; .safetensors with a tensor by the
    name of each, or one tensor of all; a folder with NAME.npy. A picture has a vector [C], rows of vectors [S, C], or
    what convolutions give, [C, H, W].
    Shapes: -> [N, S, C]
    Errors: DataError for another number of pictures, another width than that of the first, values that are no numbers
    """
    if path.is_dir():
        return _stacked([(name, load_one(_in(path, name))) for name in names], path)
    if path.stat().st_size > MOST_BYTES:
        raise DataError(f"a file of {path.stat().st_size:,} bytes; {MOST_BYTES:,} at most are read", file=path)
    if path.suffix.lower() == ".safetensors":
        return _of_tensors(path, names)
    whole = _array(path)
    if whole.ndim < 2 or len(whole) != len(names):
        raise DataError(
            f"the vectors are {list(whole.shape)}, the captions are of {len(names):,} pictures",
            remedy="give a row for each picture, in the order of their first captions",
            file=path,
        )
    return _grids(whole, path)


def load_one(path: Path) -> Float32:
    """The vectors of one picture. Shapes: -> [S, C]. Errors: DataError"""
    return np.asarray(_grids(_array(path)[None], path)[0])


def grid_of(values: Any, width: int, positions: int) -> Float32:
    """Vectors in memory as those of a model. Shapes: [C], [S, C] or [C, H, W] -> [S, C]. Errors: UsageError"""
    try:
        found: Float32 = _grids(np.asarray(values)[None], None)[0]
    except DataError as error:
        raise UsageError(str(error)) from error
    if found.shape != (positions, width):
        raise UsageError(f"expected the vectors of a picture [{positions}, {width}], got {list(found.shape)}")
    return found


def _array(path: Path) -> npt.NDArray[Any]:
    try:
        found: Any = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError("this is no .npy file of numbers", remedy="write it by numpy.save", file=path) from error
    if not isinstance(found, np.ndarray):
        found.close()
        raise DataError("this is an archive, .npz", remedy="write one array by numpy.save, .npy", file=path)
    read: npt.NDArray[Any] = found
    return read


def _grids(whole: npt.NDArray[Any], path: Path | None) -> Float32:
    """[N, C], [N, S, C] or [N, C, H, W] -> [N, S, C]"""
    if whole.dtype.kind not in "fiu" or whole.ndim not in (2, 3, 4) or not whole.size:
        raise DataError(
            f"expected vectors [C], [S, C] or [C, H, W] of each picture, got {list(whole.shape[1:])} of {whole.dtype}",
            file=path,
        )
    made = np.asarray(whole, np.float32)
    if made.ndim == 2:
        made = made[:, None]
    elif made.ndim == 4:
        made = made.reshape(*made.shape[:2], -1).transpose(0, 2, 1)
    if not np.isfinite(made).all():
        row = int(np.flatnonzero(~np.isfinite(made).all((1, 2)))[0]) + 1
        raise DataError(f"the vectors of picture {row} have values that are not numbers", file=path)
    return np.ascontiguousarray(made)


def _of_tensors(path: Path, names: Sequence[str]) -> Float32:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        tensors = load(path.read_bytes())
    except (SafetensorError, OSError) as error:
        raise DataError(f"this is no safetensors file: {error}", file=path) from error
    if len(tensors) == 1 and len(names) > 1:
        (whole,) = tensors.values()
        if len(whole) != len(names):
            raise DataError(
                f"the vectors are {list(whole.shape)}, the captions are of {len(names):,} pictures", file=path
            )
        return _grids(whole, path)
    rows = []
    for name in names:
        key = next((each for each in (name, Path(name).name, Path(name).stem) if each in tensors), None)
        if key is None:
            raise DataError(
                f"there are no vectors of {quoted(name)}; there are those of {listed(tensors, 3)}", file=path
            )
        rows.append((name, _grids(tensors[key][None], path)[0]))
    return _stacked(rows, path)


def _in(folder: Path, name: str) -> Path:
    for each in (f"{name}.npy", f"{Path(name).stem}.npy", f"{Path(name).name}.npy"):
        if (folder / each).is_file():
            return folder / each
    raise DataError(f"there are no vectors of {quoted(name)}", remedy=f"write {Path(name).stem}.npy", file=folder)


def _stacked(rows: Sequence[tuple[str, Float32]], path: Path) -> Float32:
    first, wanted = rows[0][0], rows[0][1].shape
    for name, row in rows:
        if row.shape != wanted:
            raise DataError(
                f"the vectors of {quoted(name)} are {list(row.shape)}, those of {quoted(first)} {list(wanted)}",
                file=path,
            )
    return np.stack([row for _, row in rows])
