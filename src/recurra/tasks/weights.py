"""Stored weights into a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import torch
from torch import Tensor, nn

from recurra.cells.catalogue import get, names
from recurra.engines import choose
from recurra.errors import ModelFolderError, UnknownNameError, UsageError
from recurra.layers.sparse_linear import SparseLinear
from recurra.layers.undrawn import Undrawn
from recurra.model_folder import Form, ModelFolder
from recurra.tasks.quantised import dense_forms, fill
from recurra.torch_parts import import_parts

DTYPES = {
    torch.float32: "F32",
    torch.float64: "F64",
    torch.bfloat16: "BF16",
    torch.float16: "F16",
    torch.int64: "I64",
    torch.int8: "I8",
}

N = TypeVar("N", bound=nn.Module)


def load_network(build: Callable[[], N], folder: ModelFolder) -> N:
    """The network that `build` makes, with the weights of a folder.

    It is made without memory first and compared with what the file says that it holds.
    Errors: ModelFolderError if the weights are another network's, no numbers, or keys that cannot be searched
    """
    check_weights(build, folder)
    weights = folder.weights()
    for name, values in weights.items():
        if not values.isfinite().all():
            raise ModelFolderError(f"{folder.path}: the weight {name} has values that are not numbers; train it again")
    with Undrawn():
        network = build()
    if is_quantised(folder):
        fill(network, weights)
    else:
        network.load_state_dict(weights)
    for name, part in network.named_modules():
        if isinstance(part, SparseLinear) and not part.rising():
            raise ModelFolderError(f"{folder.path}: the weight {name}.keys is not in rising order; train it again")
    return network


def check_weights(build: Callable[[], nn.Module], folder: ModelFolder) -> None:
    """Errors: ModelFolderError if a folder's weights are not those of such a network. They are not read."""
    try:
        wanted = _forms_without_memory(build)
    except NotImplementedError:  # torch knows the form of some operator's result in a part that was left for later
        import_parts()
        wanted = _forms_without_memory(build)
    found = folder.weight_forms()
    try:
        found = dense_forms(found) if is_quantised(folder) else found
    except ValueError as error:
        raise ModelFolderError(f"{folder.path}: the weights do not fit the config: {error}") from error
    if (problem := difference(found, wanted)) is not None:
        raise ModelFolderError(f"{folder.path}: the weights do not fit the config: {problem}")


def _forms_without_memory(build: Callable[[], nn.Module]) -> dict[str, Form]:
    with torch.device("meta"), Undrawn():
        return forms_of(build().state_dict())


def is_quantised(folder: ModelFolder) -> bool:
    """Whether its matrices are in 8 bits, as its config says."""
    return folder.config.get("quantised") is not None


def check_depth(num_layers: int, folder: ModelFolder) -> None:
    """Errors: ModelFolderError for more layers than there are tensors, of which not even the shapes are made"""
    tensors = len(folder.weight_forms())
    if num_layers > tensors:
        problem = f"it has {num_layers:,} layers, they are {tensors} tensors"
        raise ModelFolderError(f"{folder.path}: the weights do not fit the config: {problem}")


def forms_of(tensors: Mapping[str, Tensor]) -> dict[str, Form]:
    """Type and shape of each."""
    return {name: Form(DTYPES[value.dtype], tuple(value.shape)) for name, value in tensors.items()}


def difference(found: Mapping[str, Form], wanted: Mapping[str, Form]) -> str | None:
    """What is wrong with the tensors found, by name; None if they are those wanted."""
    for name, form in wanted.items():
        if name not in found:
            return f"{name} is missing"
        if found[name] != form:
            return f"{name} is {found[name]}, should be {form}"
    more = sorted(found.keys() - wanted.keys())
    return f"{more[0]!r:.100} does not belong to this network" if more else None


def check_cell(name: str, fingerprint: str) -> None:
    """Errors: UsageError if the cell is not registered here, or had other equations when it was trained"""
    if name not in names():
        raise UsageError(f"its cell {name!r:.100} is not registered here; recurra.register it before loading")
    if get(name).program().fingerprint != fingerprint:
        raise UsageError(f"its cell {name!r} had other equations when it was trained")


def check_engine(name: str) -> None:
    """Errors: UnknownNameError for an engine that there is not"""
    if name not in choose.names():
        raise UnknownNameError("engine", name, choose.names())
