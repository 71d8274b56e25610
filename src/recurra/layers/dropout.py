"""Dropout whose mask does not change from step to step."""

from __future__ import annotations

import math

import torch
from torch import Tensor
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
    return (words.view(torch.int32)[:count] < round(share * (1 << 32)) - (1 << 31)).to(like.dtype).view(shape)


def locked(x: Tensor, share: float, training: bool) -> Tensor:
    """Leave out a share of the units, in each row the same ones at every step; scale up the others.

    Shapes: x [B, T, H] -> [B, T, H]
    Source: Gal & Ghahramani 2016, "variational dropout"
    """
    if not training or share == 0:
        return x
    return x * functional.dropout(x.new_ones(x.shape[0], 1, x.shape[2]), share)
