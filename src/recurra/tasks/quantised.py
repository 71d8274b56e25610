"""Networks with matrices in 8 bits: as they answer, and as a model folder holds them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import torch
from torch import Tensor, nn

from recurra.engines.quantised import Rounded, rounded
from recurra.layers import quantised
from recurra.layers.quantised import SCALE, VALUES
from recurra.layers.stack import Stack
from recurra.model_folder import Form

N = TypeVar("N", bound=nn.Module)


@torch.no_grad()
def quantised_network(network: N) -> N:
    """The network itself, its recurrent layers quantised and every other matrix rounded as 8 bits hold it.

    Products of the other matrices stay float32's. Vectors, biases and initial states stay as they are.
    """
    for part in network.modules():
        if isinstance(part, Stack):
            part.quantize()
    for name, weight in network.named_parameters():
        if _is_matrix(name, weight):
            weight.copy_(rounded(weight).dense())
    return network.requires_grad_(False)


def stored_tensors(network: nn.Module) -> dict[str, Tensor]:
    """The state_dict of a quantised network with every matrix as its numbers of 8 bits and its scales."""
    matrices = {name for name, weight in network.named_parameters(remove_duplicate=False) if _is_matrix(name, weight)}
    found = dict[str, Tensor]()
    for name, value in network.state_dict().items():
        if name in matrices:
            one = rounded(value)
            found |= {name + VALUES: one.values, name + SCALE: one.scale}
        else:
            found[name] = value
    return found


def dense_forms(forms: Mapping[str, Form]) -> dict[str, Form]:
    """Those of the network before it was quantised. Errors: ValueError for numbers without scales"""
    found = dict(forms)
    for name, form in forms.items():
        if form.dtype == "I8" and name.endswith(VALUES):
            plain = name.removesuffix(VALUES)
            scale = found.pop(plain + SCALE, None)
            if scale is None or len(form.shape) != 2 or scale != Form("F32", form.shape[:1]):
                raise ValueError(f"{name} is {form}, its scales are {scale}")
            del found[name]
            found[plain] = Form("F32", form.shape)
    return found


def fill(network: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """A network of floats with what `stored_tensors` gave, quantised as it was."""
    held = {
        name.removesuffix(VALUES): Rounded(values, weights[name.removesuffix(VALUES) + SCALE])
        for name, values in weights.items()
        if values.dtype == torch.int8
    }
    scales = {name + SCALE for name in held}
    floats = {name: value for name, value in weights.items() if value.dtype != torch.int8 and name not in scales}
    network.load_state_dict(floats | {name: one.dense() for name, one in held.items()})
    for name, part in network.named_modules():
        if isinstance(part, Stack):
            prefix = f"{name}." if name else ""
            quantised.hold(part, {key: held[prefix + key] for key in quantised.matrices(part)})
    network.requires_grad_(False)


def _is_matrix(name: str, weight: Tensor) -> bool:
    return weight.dim() == 2 and weight.dtype == torch.float32 and not name.rpartition(".")[2].startswith("initial_")
