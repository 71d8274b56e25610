"""ResNets: their sizes, their names of weights, and the picture that they see."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as f

from recurra.topologies.resnet import DEVIATION, MEAN, ResNet, renamed, width_of
from tests.tasks.caption.published import resnet_state_dict

PUBLISHED = {"resnet18": 11_689_512, "resnet34": 21_797_672, "resnet50": 25_557_032, "resnet101": 44_549_160}
"""Weights that torchvision states for each, a classifier of 1,000 classes among them."""
NORM = ("running_mean", "running_var", "weight", "bias")


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_weights_are_as_many_as_published(name: str) -> None:
    with torch.device("meta"):
        network = ResNet(name)
    moments = sum(b.numel() for key, b in network.named_buffers() if key.endswith((".mean", ".variance")))
    assert sum(b.numel() for b in network.buffers()) - moments + (width_of(name) + 1) * 1000 == PUBLISHED[name]


def test_names_of_weights() -> None:
    assert renamed("resnet18", "conv1.weight") == "stem.weight"
    assert renamed("resnet18", "bn1.running_var") == "stem.variance"
    assert renamed("resnet18", "layer2.0.bn1.weight") == "blocks.2.chain.0.scale"
    assert renamed("resnet50", "layer2.3.conv3.weight") == "blocks.6.chain.2.weight"
    assert renamed("resnet50", "layer4.0.downsample.0.weight") == "blocks.13.shortcut.weight"
    assert renamed("resnet50", "layer4.0.downsample.1.bias") == "blocks.13.shortcut.shift"
    assert renamed("resnet18", "fc.weight") is renamed("resnet18", "bn1.num_batches_tracked") is None


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_a_grid_worked_out_by_plain_operators(name: str) -> None:
    """The same picture by torch's own layers with the published names, written down block by block."""
    stored = resnet_state_dict(name)
    network = ResNet(name)
    network.load_state_dict({ours: t for key, t in stored.items() if (ours := renamed(name, key)) is not None})
    picture = torch.randint(256, (1, 3, 224, 224), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))

    def norm(x: torch.Tensor, key: str) -> torch.Tensor:
        mean, variance, scale, shift = (stored[f"{key}.{kind}"] for kind in NORM)
        return f.batch_norm(x, mean, variance, scale, shift)

    def convolved(x: torch.Tensor, key: str, stride: int = 1) -> torch.Tensor:
        weight = stored[f"{key}.weight"]
        return f.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)

    mean, deviation = torch.tensor(MEAN).view(3, 1, 1), torch.tensor(DEVIATION).view(3, 1, 1)
    x = f.relu(norm(convolved((picture / 255 - mean) / deviation, "conv1", 2), "bn1"))
    x = f.max_pool2d(x, 3, 2, 1)
    convolutions = 2 if name == "resnet18" else 3
    for stage in range(1, 5):
        for block in range(len({key.split(".")[1] for key in stored if key.startswith(f"layer{stage}.")})):
            at, y = f"layer{stage}.{block}", x
            stride = 2 if stage > 1 and block == 0 else 1
            for number in range(1, convolutions + 1):
                own = stride if number == convolutions - 1 else 1
                y = norm(convolved(y, f"{at}.conv{number}", own), f"{at}.bn{number}")
                y = f.relu(y) if number < convolutions else y
            if f"{at}.downsample.0.weight" in stored:
                x = norm(convolved(x, f"{at}.downsample.0", stride), f"{at}.downsample.1")
            x = f.relu(x + y)
    torch.testing.assert_close(network(picture), x.flatten(2).transpose(1, 2), rtol=1e-4, atol=1e-4)
