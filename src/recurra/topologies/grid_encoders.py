"""Pictures to vectors, in a grid or one for the whole: convolutions that are trained, or what others have made."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

CHANNELS = (16, 32, 64, 128)
"""Of the convolutions, each of which halves the grid."""
SMALLEST = 2 ** len(CHANNELS)
"""Pixels of a side at least."""


class SmallConvolutions(nn.Module):
    """Four convolutions that halve the grid, trained from scratch; two further channels say where a pixel stands.

    Normalised by the batch in training, by stored moments after it, so that no answer depends on other pictures.
    Shapes: uint8 [B, 3, S, S] -> the grid row by row [B, (S/16)^2, 128]
    Source: Liu et al. 2018, An intriguing failing of convolutional neural networks and the CoordConv solution; Ioffe &
            Szegedy 2015, Batch normalization
    """

    width = CHANNELS[-1]

    def __init__(self) -> None:
        super().__init__()
        widths = (5, *CHANNELS)
        self.layers = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(widths))
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in CHANNELS)

    def forward(self, pictures: Tensor) -> Tensor:
        x = pictures.to(self.layers[0].weight.dtype) / 127.5 - 1  # type: ignore[arg-type]
        high, wide = x.shape[2:]
        down = torch.linspace(-1, 1, high, dtype=x.dtype, device=x.device).view(1, 1, -1, 1)
        across = torch.linspace(-1, 1, wide, dtype=x.dtype, device=x.device).view(1, 1, 1, -1)
        indices = [part.expand(len(x), 1, high, wide) for part in (down, across)]
        x = torch.cat([x, *indices], 1)
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = functional.relu(norm(layer(x)))
        return x.flatten(2).transpose(1, 2)


class GivenVectors(nn.Module):
    """Vectors that were made before, as they are. Shapes: [B, S, C] -> [B, S, C]"""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, pictures: Tensor) -> Tensor:
        return pictures.float()
