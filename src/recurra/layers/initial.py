"""What a layer's weights start from."""

from __future__ import annotations

import math
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from recurra.cells.definition import Cell
from recurra.engines.request import has_bias
from recurra.errors import UnknownNameError

Init = Literal["torch", "orthogonal"]


@torch.no_grad()
def initialise(cell: Cell, stored: dict[str, Tensor], hidden_size: int, how: Init) -> None:
    """Fill the weights of one layer and direction.

    "torch": all uniform in +-1/sqrt(H), drawn in torch.nn's order, so that a seed gives torch's own numbers.
    "orthogonal": orthogonal recurrent weights gate by gate (Saxe et al. 2014), Glorot-uniform input weights, biases 0
    but for what the cell asks for (forget gates 1: Gers et al. 2000, Jozefowicz et al. 2015), peepholes 0.
    """
    if how not in get_args(Init):
        raise UnknownNameError("initialisation", how, get_args(Init))
    if how == "torch":
        bound = 1 / math.sqrt(hidden_size)
        for tensor in stored.values():
            nn.init.uniform_(tensor, -bound, bound)
        return
    for name, gates in cell.layout(bias=has_bias(cell, stored)).items():
        for gate, rows in zip(gates, stored[name].chunk(len(gates)), strict=True):
            if name == "weight_hh":
                whole = torch.empty_like(rows, dtype=torch.promote_types(rows.dtype, torch.float32))
                rows.copy_(nn.init.orthogonal_(whole))  # torch has no QR in bf16
            elif name == "weight_ih":
                nn.init.xavier_uniform_(rows)
            else:
                nn.init.constant_(rows, cell.initial_bias.get(gate, 0.0) if name == "bias_ih" else 0.0)
