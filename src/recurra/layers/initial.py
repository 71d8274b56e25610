"""What a layer's weights start from."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from recurra.cells.definition import Cell
from recurra.engines.request import has_bias
from recurra.errors import UsageError

Init = Literal["torch", "orthogonal"]


@torch.no_grad()
def draw_uniform(weights: Iterable[Tensor], hidden_size: int) -> None:
    """All uniform in +-1/sqrt(H), in torch.nn's order, so that a seed gives torch's own numbers."""
    bound = 1 / math.sqrt(hidden_size)
    for tensor in weights:
        nn.init.uniform_(tensor, -bound, bound)


@torch.no_grad()
def draw_orthogonal(cell: Cell, stored: dict[str, Tensor]) -> None:
    """Fill the weights of one layer and direction: orthogonal recurrent weights gate by gate (Saxe et al. 2014),
    Glorot-uniform input weights and projections, biases 0 but for what the cell asks for (forget gates 1: Gers et al.
    2000, Jozefowicz et al. 2015), peepholes 0.
    """
    for name, gates in cell.layout(bias=has_bias(cell, stored)).items():
        for gate, rows in zip(gates, stored[name].chunk(len(gates)), strict=True):
            if name == "weight_hh":
                columns = rows.shape[1]
                heads = not cell.projected and rows.shape[0] % columns == 0  # each its own
                for block in torch.split(rows, columns if heads else len(rows)):
                    whole = torch.empty_like(block, dtype=torch.promote_types(rows.dtype, torch.float32))
                    block.copy_(nn.init.orthogonal_(whole))  # torch has no QR in bf16
            elif name == "weight_hr" and "weight_hh" in stored and cell.variant:
                rows.copy_(
                    nn.init.orthogonal_(torch.empty_like(rows, dtype=torch.promote_types(rows.dtype, torch.float32)))
                )
            elif name in ("weight_ih", "weight_hr"):
                nn.init.xavier_uniform_(rows)
            else:
                nn.init.constant_(rows, cell.initial_bias.get(gate, 0.0) if name == "bias_ih" else 0.0)


@torch.no_grad()
def start_own(cell: Cell, module: nn.Module, keys: Iterable[tuple[str, str]]) -> None:
    """What a cell's equations say that its weights of units start from, whatever else was drawn.

    keys: the weights of one layer and direction, each its stored name and its name in the module
    """
    for stored, key in keys:
        gates = cell.layout()[stored]
        starts = [cell.start(stored, gate) for gate in gates]
        if all(start is None for start in starts):
            continue
        values = getattr(module, key).detach().clone()
        for start, rows in zip(starts, values.chunk(len(gates)), strict=True):
            if start is not None:
                nn.init.uniform_(rows, *(start if isinstance(start, tuple) else (start, start)))
        assign(module, key, values)


@torch.no_grad()
def assign(module: nn.Module, name: str, value: Tensor) -> None:
    """Give a weight a value, whether it is a parameter or made of others by a parametrisation or by pruning.

    What the user put in its place, a tensor or a buffer, stays. Errors: UsageError if no value can be assigned
    """
    held = module._parameters
    if is_parametrized(module, name):
        try:
            setattr(module, name, value)
        except (NotImplementedError, RuntimeError) as error:
            raise UsageError(f"{name} cannot be initialised again through its parametrisation: {error}") from error
        return
    if f"{name}_v" in held:
        raise UsageError(
            f"{name} cannot be initialised again, it is made of {name}_g and {name}_v; remove its weight norm"
        )
    parameter = held.get(name, held.get(f"{name}_orig"))
    if parameter is not None:
        parameter.copy_(value)


def belongs(parameter: str, weights: Iterable[str]) -> bool:
    """Whether this parameter of a module is one of these weights, or one of those that it is made of."""
    return any(
        parameter in (w, f"{w}_orig", f"{w}_g", f"{w}_v") or parameter.startswith(f"parametrizations.{w}.")
        for w in weights
    )
