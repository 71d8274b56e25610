"""Recurrent weights whose heads do not see each other, as FlashRNN and sLSTM have them."""

from __future__ import annotations

import torch
from torch import Tensor


def block_diagonal(blocks: Tensor, heads: int) -> Tensor:
    """The blocks with the zeros in between, for code that multiplies whole matrices.

    Shapes: [G*H, H/heads], the rows of a gate head after head -> [G*H, H]
    """
    size = blocks.shape[1]
    apart = torch.eye(heads, dtype=blocks.dtype, device=blocks.device).view(1, heads, 1, heads, 1)
    return (blocks.view(-1, heads, size, 1, size) * apart).reshape(-1, heads * size)
