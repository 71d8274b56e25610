"""Pictures to vectors, in a grid or one for the whole: convolutions that are trained, or what others have made."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from recurra.errors import UsageError

SHAPES, COLOURS = (16, 32, 48, 48), (32, 16)
"""Channels of the convolutions that see shapes, the first three halving the grid, and of those that see colours."""
WIDTH = SHAPES[-1] + COLOURS[-1]
SMALLEST = 8
"""Pixels of a side at least; so many are one vector of the grid."""
FAINT = 0.25
"""A distance from the ground, pixels from -1 to 1, that counts as a whole one however strong the others nearby are."""
NOISE = 0.3
"""Share of the strongest distance nearby up to which a pixel is ground."""
LEAST = 0.003
"""Of a block's share that stands out, what is not seen beside it."""
TWO = 0.3
"""A distance of two colours, pixels from -1 to 1, that makes them two and not shades of one."""


class SmallConvolutions(nn.Module):
    """Convolutions trained from scratch, on two paths that never meet: four see shapes, two see colours.

    From a few thousand pictures one path for all learns a red square apart from a blue one, and cannot tell a square
    of a colour that it never had. The shapes are made of how far each pixel is from the picture's ground, which is the
    same in any colour (`figures`); the colours are the means of blocks, weighted by that, and their convolutions see a
    block at a time. That the paths are apart lets training show each picture in colours of another one, too (`twice`).
    No channel says where a pixel stands: with rows and columns as channels, two passes taught 72 % of drawn shapes,
    without them one pass 98 %.

    Normalised by the batch in training, by stored moments after it, so that no answer depends on other pictures.
    Shapes: uint8 [B, 3, S, S] -> the grid row by row [B, ceil(S/8)^2, 64], 48 numbers of shapes and 16 of colours
    Source: Ioffe & Szegedy 2015, Batch normalization; Geirhos et al. 2019, ImageNet-trained CNNs are biased towards
            texture (training pictures in the looks of others)
    """

    width = WIDTH

    def __init__(self) -> None:
        super().__init__()
        strides = (2, 2, 2, 1)
        self.shapes = nn.ModuleList(
            _Layer(a, b, 3, stride) for (a, b), stride in zip(pairwise((1, *SHAPES)), strides, strict=True)
        )
        self.colours = nn.ModuleList(_Layer(a, b, 1, 1) for a, b in pairwise((4, *COLOURS)))

    def forward(self, pictures: Tensor) -> Tensor:
        figure, colours = self._parted(pictures)
        return _grid(_through(self.shapes, figure), _through(self.colours, colours))

    def twice(self, pictures: Tensor) -> Tensor:
        """As `forward`, of the pictures and, after them, of the same in colours of one another.

        Shapes: uint8 [B, 3, S, S] -> [2B, ceil(S/8)^2, 64]
        """
        figure, colours = self._parted(pictures)
        both = torch.cat([colours, repainted(colours)])
        return _grid(_through(self.shapes, figure).repeat(2, 1, 1, 1), _through(self.colours, both))

    def _parted(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """What each path reads. Shapes: -> [B, 1, S, S], [B, 4, ceil(S/8), ceil(S/8)]"""
        x = pictures.to(next(self.parameters()).dtype) / 127.5 - 1
        figure = figures(x)
        return figure, block_colours(x, figure)


def _through(layers: nn.ModuleList, x: Tensor) -> Tensor:
    for layer in layers:
        x = layer(x)
    return x


def _grid(shapes: Tensor, colours: Tensor) -> Tensor:
    return torch.cat([shapes, colours], 1).flatten(2).transpose(1, 2)


class Apart(nn.Module):
    """Shapes and colours of a grid made narrow, each by a linear map of its own, for one of both would learn pairs.

    Shapes: [B, S, 64] -> [B, S, P], the first `wide` of it, three quarters, of shapes
    Errors: UsageError for a P below 2
    """

    def __init__(self, outputs: int) -> None:
        super().__init__()
        if outputs < 2:
            raise UsageError(f"shapes and colours stay apart in a picture_size 2 or more, got {outputs}")
        self.wide = max(1, outputs * 3 // 4)
        self.shapes = nn.Linear(SHAPES[-1], self.wide)
        self.colours = nn.Linear(COLOURS[-1], outputs - self.wide)

    def forward(self, grid: Tensor) -> Tensor:
        of_shapes = SHAPES[-1]
        return torch.cat([self.shapes(grid[..., :of_shapes]), self.colours(grid[..., of_shapes:])], -1)


class _Layer(nn.Module):
    """A convolution, normalised. Shapes: [B, I, H, W] -> [B, O, ceil(H/stride), ceil(W/stride)]"""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.layer = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False)
        nn.init.kaiming_normal_(self.layer.weight, nonlinearity="relu")
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.norm(self.layer(x)))


def figures(pictures: Tensor) -> Tensor:
    """What stands out of a picture's ground, whatever its colour: 1 inside, 0 outside.

    The ground is the median of each channel. The largest distance of a channel from it is divided by the largest one
    in the block and half a block around it, or by FAINT, and what is below NOISE is ground.
    Shapes: [B, C, H, W], from -1 to 1 -> [B, 1, H, W]
    """
    high, wide = pictures.shape[2:]
    ground = pictures[:, :, ::2, ::2].flatten(2).median(-1).values[..., None, None]
    distance = (pictures - ground).abs().amax(1, keepdim=True)
    half = SMALLEST // 2
    around = functional.pad(distance, (half, half + -wide % SMALLEST, half, half + -high % SMALLEST))
    blocks = functional.max_pool2d(around, 2 * SMALLEST, SMALLEST)
    strongest = blocks.repeat_interleave(SMALLEST, 2).repeat_interleave(SMALLEST, 3)[:, :, :high, :wide]
    return ((distance / strongest.clamp(min=FAINT) - NOISE) / (1 - NOISE)).clamp(min=0)


def block_colours(pictures: Tensor, figure: Tensor) -> Tensor:
    """The mean colour of what stands out in each block, and whether anything does.

    Shapes: [B, C, H, W], [B, 1, H, W] -> [B, C + 1, ceil(H/8), ceil(W/8)]
    """
    weight = functional.avg_pool2d(figure, SMALLEST, ceil_mode=True)
    colour = functional.avg_pool2d(pictures * figure, SMALLEST, ceil_mode=True)
    return torch.cat([colour, weight], 1) / (weight + LEAST)


def repainted(blocks: Tensor) -> Tensor:
    """Colours of blocks, each picture's exchanged for those of another picture of the batch.

    A picture's two colours are that of its fullest block and the one farthest from it. A block that stands at some
    share of the way from the one to the other stands there between the two colours of the other picture.
    Shapes: [B, C + 1, h, w], as `block_colours` -> the same, the last channel unchanged
    """
    there = blocks[:, -1:].flatten(2)
    colours = blocks[:, :-1].flatten(2) / there.clamp(min=LEAST)
    rows = torch.arange(len(blocks), device=blocks.device)
    first = colours[rows, :, there[:, 0].argmax(1)].unsqueeze(2)
    far = ((colours - first).square().sum(1) * there[:, 0]).argmax(1)
    across = colours[rows, :, far].unsqueeze(2) - first
    share = ((colours - first) * across).sum(1, keepdim=True) / across.square().sum(1, keepdim=True).clamp(min=TWO**2)
    share = share.clamp(0, 1)
    share = torch.where(torch.rand(len(rows), 1, 1, device=share.device) < 0.5, share, 1 - share)
    other = torch.randperm(len(rows), device=rows.device)
    new = (first[other] + share * across[other]) * there
    return torch.cat([new, there], 1).view_as(blocks)


class GivenVectors(nn.Module):
    """Vectors that were made before, as they are. Shapes: [B, S, C] -> [B, S, C]"""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, pictures: Tensor) -> Tensor:
        return pictures.float()
