"""A file of a ResNet's weights as torchvision names them, drawn at random."""

from __future__ import annotations

import torch
from torch import Tensor

BLOCKS = {"resnet18": (2, 2, 2, 2), "resnet50": (3, 4, 6, 3)}


def resnet_state_dict(name: str) -> dict[str, Tensor]:
    """Of resnet18 or resnet50, with a classifier of 1,000 classes."""
    draw = torch.Generator().manual_seed(0)
    found: dict[str, Tensor] = {}

    def convolution(key: str, inputs: int, outputs: int, kernel: int) -> None:
        scale = (2 / (inputs * kernel * kernel)) ** 0.5
        found[f"{key}.weight"] = torch.randn(outputs, inputs, kernel, kernel, generator=draw) * scale

    def norm(key: str, width: int) -> None:
        for kind, centre in (("weight", 1.0), ("bias", 0.0), ("running_mean", 0.0), ("running_var", 1.0)):
            found[f"{key}.{kind}"] = centre + 0.2 * torch.rand(width, generator=draw)
        found[f"{key}.num_batches_tracked"] = torch.tensor(1)

    convolution("conv1", 3, 64, 7)
    norm("bn1", 64)
    inputs = 64
    for stage, repeats in enumerate(BLOCKS[name], start=1):
        width = 32 << stage
        for block in range(repeats):
            at, wide = f"layer{stage}.{block}", inputs
            sizes = [(width, 3), (width, 3)] if name == "resnet18" else [(width, 1), (width, 3), (4 * width, 1)]
            for number, (outputs, kernel) in enumerate(sizes, start=1):
                convolution(f"{at}.conv{number}", wide, outputs, kernel)
                norm(f"{at}.bn{number}", outputs)
                wide = outputs
            if block == 0 and (stage > 1 or wide != inputs):
                convolution(f"{at}.downsample.0", inputs, wide, 1)
                norm(f"{at}.downsample.1", wide)
            inputs = wide
    found["fc.weight"], found["fc.bias"] = torch.zeros(1000, inputs), torch.zeros(1000)
    return found
