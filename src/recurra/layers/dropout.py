"""Dropout whose mask does not change from step to step."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def locked(x: Tensor, share: float, training: bool) -> Tensor:
    """Leave out a share of the units, in each row the same ones at every step; scale up the others.

    Shapes: x [B, T, H] -> [B, T, H]
    Source: Gal & Ghahramani 2016, "variational dropout"
    """
    if not training or share == 0:
        return x
    return x * functional.dropout(x.new_ones(x.shape[0], 1, x.shape[2]), share)
