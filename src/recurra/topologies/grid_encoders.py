"""Pictures to vectors, in a grid or one for the whole: convolutions that are trained, or what others have made."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

OUTLINES, COLOURS, WIDTH = (16, 32, 48), 16, 64
"""Channels of the convolutions that see outlines, of the one that sees colours, of the one that sees both."""
SMALLEST = 2 ** len(OUTLINES)
"""Pixels of a side at least; so many are one vector of the grid."""
BLOCK = SMALLEST // 2
"""Pixels of a side of the blocks whose colours are seen."""
FAINT = 0.05
"""A squared gradient, pixels from -1 to 1, at which an outline counts half."""


class SmallConvolutions(nn.Module):
    """Convolutions trained from scratch: three see outlines without their colours, one the colours of blocks, one what
    those made of both.

    From a few thousand pictures one path for all learns a red square apart from a blue one, and cannot tell a square
    of a colour that it never had. An outline is the gradient's squared length over all colours, against its own size,
    so that faint and strong ones look alike. Two further channels of each path say where a pixel stands.

    Normalised by the batch in training, by stored moments after it, so that no answer depends on other pictures.
    Shapes: uint8 [B, 3, S, S] -> the grid row by row [B, ceil(S/8)^2, 64]
    Source: Dalal & Triggs 2005, Histograms of oriented gradients (gradients over colours, normalised); Liu et al. 2018,
            An intriguing failing of convolutional neural networks and the CoordConv solution; Ioffe & Szegedy 2015,
            Batch normalization
    """

    width = WIDTH

    def __init__(self) -> None:
        super().__init__()
        self.outlines = nn.ModuleList(_Layer(a, b, 2) for a, b in pairwise((3, *OUTLINES)))
        self.colours = _Layer(5, COLOURS, 2)
        self.both = _Layer(OUTLINES[-1] + COLOURS, WIDTH, 1)

    def forward(self, pictures: Tensor) -> Tensor:
        x = pictures.to(self.both.layer.weight.dtype) / 127.5 - 1
        shapes = _placed(outlines(x))
        for layer in self.outlines:
            shapes = layer(shapes)
        blocks = functional.avg_pool2d(x, BLOCK, ceil_mode=True)
        both: Tensor = self.both(torch.cat([shapes, self.colours(_placed(blocks))], 1))
        return both.flatten(2).transpose(1, 2)


class _Layer(nn.Module):
    """A 3 x 3 convolution, normalised. Shapes: [B, I, H, W] -> [B, O, ceil(H/stride), ceil(W/stride)]"""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.layer = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        nn.init.kaiming_normal_(self.layer.weight, nonlinearity="relu")
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.norm(self.layer(x)))


def outlines(pictures: Tensor) -> Tensor:
    """How much of an edge is at each pixel, from 0 to 1. Shapes: [B, C, H, W] -> [B, 1, H, W]"""
    padded = functional.pad(pictures, (1, 1, 1, 1), mode="replicate")
    across = padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]
    down = padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]
    squared = (across.square() + down.square()).sum(1, keepdim=True)
    return squared / (squared + FAINT)


def _placed(x: Tensor) -> Tensor:
    """With two channels more, rows and columns from -1 to 1."""
    high, wide = x.shape[2:]
    down = torch.linspace(-1, 1, high, dtype=x.dtype, device=x.device).view(1, 1, -1, 1)
    across = torch.linspace(-1, 1, wide, dtype=x.dtype, device=x.device).view(1, 1, 1, -1)
    return torch.cat([x, *(part.expand(len(x), 1, high, wide) for part in (down, across))], 1)


class GivenVectors(nn.Module):
    """Vectors that were made before, as they are. Shapes: [B, S, C] -> [B, S, C]"""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, pictures: Tensor) -> Tensor:
        return pictures.float()
