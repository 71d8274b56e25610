"""Dropout, fast on a CPU, and dropout whose mask does not change from step to step."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from recurra.engines.native.draws import Draws
from recurra.engines.watching import is_recorded

_RARE = 1 / 64


def draws(count: int, share: float, device: torch.device) -> Draws:
    """So many of torch's random numbers, of which this share is kept, as few bits of them for each as will do.

    1 or 8 where these say the share exactly; 16 say it up to 2**-17; shares near 0 or 1 take 32. `bernoulli_` on a CPU
    draws 64, which is most of its time.
    """
    bits = 1 if share == 0.5 else 8 if (share * 256).is_integer() else 16 if _RARE <= share <= 1 - _RARE else 32
    words = torch.empty((count * bits + 63) // 64, dtype=torch.int64, device=device).random_(-(1 << 63), None)
    half = 1 << (bits - 1)
    edge = min(round(share * 2 * half) - half, half - 1)
    return Draws(words, bits, edge, 1 / share if share else 0.0)


def drawn(shape: tuple[int, ...], share: float, like: Tensor) -> Tensor:
    """1 with this probability, else 0, from torch's random numbers."""
    if is_recorded() or share == 1:
        return like.new_empty(shape).bernoulli_(share)
    count = math.prod(shape)
    return draws(count, share, like.device).kept(count, like).view(shape)


def dropout(x: Tensor, share: float, training: bool = True) -> Tensor:
    """As torch's, of other draws: on a CPU most of torch's time goes into drawing a number for each value.

    Shapes: any
    """
    if not training or share == 0:
        return x
    if share == 1 or x.device.type != "cpu" or is_recorded():
        return functional.dropout(x, share)
    return draws(x.numel(), 1 - share, x.device).left(x)


class Dropout(nn.Dropout):
    """`dropout` as a module."""

    def forward(self, input: Tensor) -> Tensor:
        return dropout(input, self.p, self.training)


def factors(shape: tuple[int, ...], share: float, like: Tensor) -> Tensor:
    """What `dropout` in training makes of ones, for a share above 0, of the same draws."""
    if share == 1 or like.device.type != "cpu" or is_recorded():
        return functional.dropout(like.new_ones(shape), share)
    return draws(math.prod(shape), 1 - share, like.device).factors(torch.Size(shape), like)


def locked(x: Tensor, share: float, training: bool) -> Tensor:
    """Leave out a share of the units, in each row the same ones at every step; scale up the others.

    Shapes: x [B, T, H] -> [B, T, H]
    Source: Gal & Ghahramani 2016, "variational dropout"
    """
    if not training or share == 0:
        return x
    return x * factors((x.shape[0], 1, x.shape[2]), share, x)
