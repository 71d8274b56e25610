"""EfficientNet-Lite0's convolutions: a picture to a grid of 7 x 7 vectors, with weights that stay as they are."""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn
from torch.nn import functional

from recurra.topologies.frozen_convolution import NORM, FrozenConvolution

SIDE, WIDTH, GRID = 224, 1280, 7
"""Pixels of a side, numbers of a vector, vectors of a side."""
BLOCKS = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
"""Repeats, kernel, stride, expansion and width of each stage."""
STEM = 32
EPSILON = 1e-3
"""Of the batch norms, as trained."""
MEAN, DEVIATION = 127 / 255, 128 / 255
"""Of the pixels, as trained: (p - 127) / 128."""


Convolution = partial(FrozenConvolution, padding="ceiling", epsilon=EPSILON)


class Block(nn.Module):
    """An inverted bottleneck: wider, filtered channel by channel, narrower; added to its input where that fits.

    Source: Sandler et al. 2018, MobileNetV2: Inverted residuals and linear bottlenecks
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.expand = Convolution(inputs, wide, 1) if expansion > 1 else None
        self.filter = Convolution(wide, wide, kernel, stride, groups=wide)
        self.project = Convolution(wide, outputs, 1)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x if self.expand is None else functional.relu6(self.expand(x))
        y = self.project(functional.relu6(self.filter(y)))
        return x + y if self.adds else y


class EfficientNetLite0(nn.Module):
    """EfficientNet-Lite0 without its classifier. Its weights are buffers, zeros until a state_dict is loaded.

    Source: Tan & Le 2019, EfficientNet: Rethinking model scaling for convolutional neural networks; the Lite variants
            have ReLU6 for swish and no squeeze-and-excitation, and keep stem and head as they are
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = Convolution(3, STEM, 3, 2)
        blocks, width = [], STEM
        for repeats, kernel, stride, expansion, outputs in BLOCKS:
            for number in range(repeats):
                blocks.append(Block(width, outputs, kernel, 1 if number else stride, expansion))
                width = outputs
        self.blocks = nn.ModuleList(blocks)
        self.head = Convolution(width, WIDTH, 1)

    def forward(self, pictures: Tensor) -> Tensor:
        """Shapes: pictures uint8 [B, 3, 224, 224] -> the grid row by row [B, 49, 1280]. Units: 0 to 6"""
        x = (pictures.to(self.head.weight.dtype) / 255 - MEAN) / DEVIATION
        x = functional.relu6(self.stem(x))
        for block in self.blocks:
            x = block(x)
        return functional.relu6(self.head(x)).flatten(2).transpose(1, 2)


PARTS = {
    "_conv_stem": "stem",
    "_bn0": "stem",
    "_conv_head": "head",
    "_bn1": "head",
    "_expand_conv": "expand",
    "_depthwise_conv": "filter",
    "_project_conv": "project",
}
OF_BLOCK = {"_bn0": "expand", "_bn1": "filter", "_bn2": "project"}


def renamed(key: str) -> str | None:
    """Our name of a weight of the published file: "_blocks.0._bn1.bias" is "blocks.0.filter.shift"; None for others."""
    *before, part, kind = key.split(".")
    if part == "_fc" or kind == "num_batches_tracked":
        return None
    home = OF_BLOCK.get(part, PARTS.get(part)) if before else PARTS.get(part)
    if home is None:
        return None
    stored = NORM[kind] if part.startswith("_bn") else kind
    return ".".join(([*before, home] if not before else ["blocks", before[1], home]) + [stored])
