"""A network whose matrices are whole bytes, each row with a scale of its own: what its answers become."""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import nn

from recurra.export.c.arrays import quantised

N = TypeVar("N", bound=nn.Module)


@torch.no_grad()
def with_bytes(network: N) -> N:
    """A copy with every matrix rounded as int8 stores it. Vectors, biases and initial states stay as they are."""
    found = copy.deepcopy(network)
    for name, weight in found.named_parameters():
        if weight.dim() == 2 and not name.rpartition(".")[2].startswith("initial_"):
            whole, scale = quantised(weight.detach().cpu().float().numpy())
            weight.copy_(torch.from_numpy(whole.astype("float32") * scale[:, None]))
    return found
