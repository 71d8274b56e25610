"""Dropout, fast on a CPU, and dropout whose mask does not change from step to step."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from recurra.engines.watching import is_recorded


def drawn(shape: tuple[int, ...], share: float, like: Tensor) -> Tensor:
    """1 with this probability, else 0, from torch's random numbers: 32 bits each, half of one drawn number.

    Twice as fast as `bernoulli_` on a CPU, where a number is drawn for each.
    """
    if is_recorded() or share == 1:
        return like.new_empty(shape).bernoulli_(share)
    count = math.prod(shape)
    words = torch.empty((count + 1) // 2, dtype=torch.int64, device=like.device).random_(-(1 << 63), None)
    found = torch.empty(count, dtype=like.dtype, device=like.device)  # by way of booleans it takes three times as long
    return torch.lt(words.view(torch.int32)[:count], round(share * (1 << 32)) - (1 << 31), out=found).view(shape)


def dropout(x: Tensor, share: float, training: bool = True) -> Tensor:
    """As torch's, of other draws: on a CPU most of torch's time goes into drawing a number for each value.

    Shapes: any
    """
    if not training or share == 0:
        return x
    if share == 1 or x.device.type != "cpu" or is_recorded():
        return functional.dropout(x, share)
    return x * drawn(tuple(x.shape), 1 - share, x).mul_(1 / (1 - share))


class Dropout(nn.Dropout):
    """`dropout` as a module."""

    def forward(self, input: Tensor) -> Tensor:
        return dropout(input, self.p, self.training)


def locked(x: Tensor, share: float, training: bool) -> Tensor:
    """Leave out a share of the units, in each row the same ones at every step; scale up the others.

    Shapes: x [B, T, H] -> [B, T, H]
    Source: Gal & Ghahramani 2016, "variational dropout"
    """
    if not training or share == 0:
        return x
    return x * dropout(x.new_ones(x.shape[0], 1, x.shape[2]), share)
