"""What frozen encoders make of pictures, kept by the content of each."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from recurra.data.datasets.download import cache_folder, unwritable
from recurra.data.files.sources import sha256
from recurra.data.files.whole import write_whole
from recurra.data.pictures.decoding import Form, read_picture
from recurra.locks import holding
from recurra.tasks.caption.encoders import GRID, SIDE, Frozen, Trunk
from recurra.terminal import standard_error

FORM = Form((SIDE, SIDE))
BATCH = 16
VERSION = 1
"""Of the cached vectors: a change of how pictures are read or seen starts new ones."""
Float16 = npt.NDArray[np.float16]


def vectors(encoder: Frozen, paths: Sequence[Path], *, pooled: bool) -> tuple[Float16, list[str], list[str]]:
    """The grids of some pictures, or their means; SHA-256 of each file; what was done to read them.

    What a file's content gave once is kept in the cache under that content's hash. Of several processes one looks at
    pictures and the others wait.
    Shapes: -> [N, 49 or 1, W]. Errors: DataError names a picture that cannot be read; UsageError as `Frozen.weights`
    """
    hashes = [sha256(path) for path in paths]
    folder = cache_folder() / "features" / f"{encoder.name}-{VERSION}-{encoder.sha256[:12]}"
    done: list[str] = []
    if any(not _place(folder, one).is_file() for one in hashes):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with holding(folder, patience=math.inf, notify=standard_error().log):
                done = _look(encoder, paths, hashes, folder)
        except OSError as error:
            raise unwritable(folder, error) from error
    found = np.empty((len(paths), 1 if pooled else GRID * GRID, encoder.width), np.float16)
    for row, (path, one) in enumerate(zip(paths, hashes, strict=True)):
        found[row] = _kept(encoder, folder, one, path, pooled=pooled)
    return found, hashes, done


def _place(folder: Path, content: str) -> Path:
    return folder / content[:2] / f"{content}.npy"


def _kept(encoder: Frozen, folder: Path, content: str, path: Path, *, pooled: bool) -> Float16:
    place = _place(folder, content)
    try:
        grid = np.load(place, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        grid = None
    if grid is None or grid.shape != (GRID * GRID, encoder.width):  # cut short, or cleared meanwhile
        network = encoder.network()
        grid = seen(network, [read_picture(path, FORM).pixels])[0]
        write_whole(place, _npy(grid))
    return mean_of(grid) if pooled else np.asarray(grid, np.float16)


def mean_of(grid: Float16) -> Float16:
    """Shapes: [S, C] -> [1, C]"""
    return np.asarray(grid.astype(np.float32).mean(0, keepdims=True), np.float16)


def _look(encoder: Frozen, paths: Sequence[Path], hashes: Sequence[str], folder: Path) -> list[str]:
    """Look at the pictures that are not in the cache yet."""
    wanted = {one: path for one, path in zip(hashes, paths, strict=True) if not _place(folder, one).is_file()}
    todo, done = list(wanted.items()), list[str]()
    network = encoder.network()
    stderr = standard_error()
    for start in range(0, len(todo), BATCH):
        some = todo[start : start + BATCH]
        if start % (8 * BATCH) == 0 and len(todo) > BATCH:
            stderr.log(f"{encoder.name}: {start:,} of {len(todo):,} pictures looked at")
        read = [read_picture(path, FORM) for _, path in some]
        done += [word for one in read for word in one.done]
        for (content, _), grid in zip(some, seen(network, [one.pixels for one in read]), strict=True):
            place = _place(folder, content)
            place.parent.mkdir(exist_ok=True)
            write_whole(place, _npy(grid))
    return done


@torch.inference_mode()
def seen(network: Trunk, pixels: Sequence[npt.NDArray[np.uint8]]) -> Float16:
    """Shapes: N x [3, 224, 224] -> [N, 49, W]"""
    device = next(network.buffers()).device
    found: Float16 = network(torch.from_numpy(np.stack(pixels)).to(device)).half().cpu().numpy()
    return found


def _npy(grid: Float16) -> bytes:
    stream = io.BytesIO()
    np.save(stream, grid, allow_pickle=False)
    return stream.getvalue()
