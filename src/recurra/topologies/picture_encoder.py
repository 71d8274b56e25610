"""Pictures to vectors, a small convolutional network."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recurra.errors import ShapeError

SMALLEST_MAP = 6
"""Each layer halves a picture until no side is longer."""
WIDEST_LAYER = 64
GROUPS = 4


class PictureEncoder(nn.Module):
    """Layers of 3 x 3 convolutions with stride 2, each twice as wide, then a linear one that knows where things are.

    A picture is read beside its difference from the one before it, in which what moves stands out. Normalisation is
    over groups of channels, not over the batch.
    shape: channels, height, width; size: of the vector; width: channels of the first layer; mean, deviation: of each
    channel, in the units of the inputs
    Source: Donahue et al. 2015, Long-term recurrent convolutional networks; Simonyan & Zisserman 2014, Two-stream
    convolutional networks, for motion as an input; Wu & He 2018, Group normalization
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        size: int,
        *,
        width: int = 16,
        mean: tuple[float, ...] = (),
        deviation: tuple[float, ...] = (),
    ) -> None:
        super().__init__()
        self.shape, self.output_size = shape, size
        channels, height, side = shape
        self.mean: Tensor
        self.deviation: Tensor
        self.register_buffer("mean", torch.tensor(mean or (0.0,) * channels).view(-1, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(deviation or (1.0,) * channels).view(-1, 1, 1), persistent=False)
        layers: list[nn.Module] = []
        channels = 2 * channels
        while True:
            layers += [
                nn.Conv2d(channels, width, 3, stride=2, padding=1),
                nn.GroupNorm(GROUPS if width % GROUPS == 0 else 1, width),
                nn.ReLU(),
            ]
            channels, height, side = width, (height + 1) // 2, (side + 1) // 2
            width = min(2 * width, max(width, WIDEST_LAYER))
            if max(height, side) <= SMALLEST_MAP:
                break
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(channels * height * side, size)

    def forward(self, frames: Tensor, before: Tensor) -> Tensor:
        """Shapes: frames and those before them [N, C H W], of bytes or floats -> [N, size]. Errors: ShapeError"""
        expected = self.shape[0] * self.shape[1] * self.shape[2]
        if frames.dim() != 2 or frames.shape[1] != expected:
            raise ShapeError(f"expected pictures [N, {expected}], {list(self.shape)} each, got {list(frames.shape)}")
        now, earlier = (
            (each.to(self.head.weight.dtype).view(-1, *self.shape) - self.mean) / self.deviation
            for each in (frames, before)
        )
        return torch.relu(self.head(self.layers(torch.cat([now, now - earlier], 1)).flatten(1)))
