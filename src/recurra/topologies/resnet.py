"""ResNet's convolutions: a picture to a grid of 7 x 7 vectors, with weights that stay as they are."""

from __future__ import annotations

import re
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from recurra.topologies.frozen_convolution import NORM, FrozenConvolution

SIDE, GRID = 224, 7
"""Pixels of a side, vectors of a side."""
STEM = 64
STAGES = {
    "resnet18": (2, 2, 2, 2),
    "resnet34": (3, 4, 6, 3),
    "resnet50": (3, 4, 6, 3),
    "resnet101": (3, 4, 23, 3),
    "resnet152": (3, 8, 36, 3),
}
"""Blocks of each stage."""
BASIC = ("resnet18", "resnet34")
"""Those with two convolutions of 3 x 3 a block; the others have a bottleneck of three."""
EXPANSION = 4
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of the pixels of ImageNet, by colour."""

Convolution = partial(FrozenConvolution, padding="half", epsilon=1e-5)


class Block(nn.Module):
    """Convolutions, added to their input.

    The stride of a bottleneck is in its middle convolution, as in the weights that torchvision and timm publish.
    """

    def __init__(self, inputs: int, width: int, stride: int, *, basic: bool) -> None:
        super().__init__()
        outputs = width if basic else width * EXPANSION
        if basic:
            chain = [Convolution(inputs, width, 3, stride), Convolution(width, width, 3)]
        else:
            chain = [
                Convolution(inputs, width, 1),
                Convolution(width, width, 3, stride),
                Convolution(width, outputs, 1),
            ]
        self.chain = nn.ModuleList(chain)
        fits = stride == 1 and inputs == outputs
        self.shortcut = None if fits else Convolution(inputs, outputs, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        y, last = x, len(self.chain) - 1
        for number, step in enumerate(self.chain):
            y = step(y) if number == last else functional.relu(step(y))
        kept: Tensor = x if self.shortcut is None else self.shortcut(x)
        return functional.relu(y + kept)


def width_of(name: str) -> int:
    """Numbers of a vector."""
    return (STEM << 3) * (1 if name in BASIC else EXPANSION)


class ResNet(nn.Module):
    """A ResNet without its classifier. name: of STAGES

    Its weights are buffers, zeros until a state_dict is loaded.
    Source: He et al. 2016, Deep residual learning for image recognition
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        basic, inputs = name in BASIC, STEM
        self.stem = Convolution(3, STEM, 7, 2)
        blocks = list[nn.Module]()
        for stage, repeats in enumerate(STAGES[name]):
            width = STEM << stage
            for number in range(repeats):
                blocks.append(Block(inputs, width, 2 if stage and not number else 1, basic=basic))
                inputs = width if basic else width * EXPANSION
        self.blocks = nn.ModuleList(blocks)

    def forward(self, pictures: Tensor) -> Tensor:
        """Shapes: pictures uint8 [B, 3, 224, 224] -> the grid row by row [B, 49, W]. Units: not below 0"""
        like = self.stem.weight
        mean, deviation = (torch.tensor(one, dtype=like.dtype, device=like.device) for one in (MEAN, DEVIATION))
        x = (pictures.to(like.dtype) / 255 - mean[:, None, None]) / deviation[:, None, None]
        x = functional.max_pool2d(functional.relu(self.stem(x)), 3, 2, 1)
        for block in self.blocks:
            x = block(x)
        return x.flatten(2).transpose(1, 2)


PUBLISHED = re.compile(r"(?:layer([1-4])\.(\d+)\.)?(conv|bn|downsample\.)(\d)\.(weight|bias|running_mean|running_var)")


def renamed(name: str, key: str) -> str | None:
    """Our name of a weight as torchvision calls it; None for one of the classifier, or none of a ResNet's.

    Of resnet18, "layer2.0.bn1.weight" is "blocks.2.chain.0.scale", "layer2.0.downsample.0.weight" is
    "blocks.2.shortcut.weight".
    """
    found = PUBLISHED.fullmatch(key)
    if found is None:
        return None
    stage, block, what, number, kind = found.groups()
    stored = NORM[kind] if what == "bn" or (what == "downsample." and number == "1") else kind
    if stage is None:
        return f"stem.{stored}"
    home = f"blocks.{sum(STAGES[name][: int(stage) - 1]) + int(block)}"
    return f"{home}.shortcut.{stored}" if what == "downsample." else f"{home}.chain.{int(number) - 1}.{stored}"
