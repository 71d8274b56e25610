"""Stored weights into a network."""

from __future__ import annotations

from torch import nn

from recurra.cells.catalogue import get, names
from recurra.errors import ModelFolderError, UsageError
from recurra.model_folder import ModelFolder


def load_weights(network: nn.Module, folder: ModelFolder) -> None:
    """Errors: ModelFolderError if the weights are another network's"""
    try:
        network.load_state_dict(folder.weights())
    except RuntimeError as error:
        problem = " ".join(str(error).split())[:200]
        raise ModelFolderError(f"{folder.path}: the weights do not fit the config: {problem}") from error


def check_cell(name: str, fingerprint: str) -> None:
    """Errors: UsageError if the cell is not registered here, or had other equations when it was trained"""
    if name not in names():
        raise UsageError(f"its cell {name!r} is not registered here; recurra.register it before loading")
    if get(name).program().fingerprint != fingerprint:
        raise UsageError(f"its cell {name!r} had other equations when it was trained")
