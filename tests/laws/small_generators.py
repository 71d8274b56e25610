"""Small generators of frames, as small_networks has those of other tasks."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from recurra.topologies.frame_generator import ConditionedFrames, FrameGenerator, FrameGeneratorBatch
from recurra.topologies.settings import FrameGeneratorSettings
from tests.laws.small_networks import SIZES, Small


def frame_generator(name: str, mixtures: int) -> Small:
    """K Gaussians over three channels."""
    sizes: dict[str, Any] = {size: value for size, value in SIZES.items() if size != "embedding_size"}
    settings = FrameGeneratorSettings(condition_size=4, reader_size=5, mixtures=mixtures, **sizes)

    def batch(inputs: ConditionedFrames, lengths: Tensor) -> FrameGeneratorBatch:
        targets = torch.randn(inputs.frames.shape)
        targets[0, 0, 1] = float("nan")
        return FrameGeneratorBatch(inputs, targets, lengths)

    def plain(network: Any, outputs: Tensor, batch: FrameGeneratorBatch) -> tuple[Tensor, int]:
        """One row, one step, one Gaussian, one channel after the other."""
        total = torch.zeros(())
        for row, length in enumerate(batch.lengths.tolist()):
            for step in range(length):
                end, weights, means, scales = network.said(outputs[row, step])
                sign = 1 if step == length - 1 else -1
                each = weights.exp() * (sign * end).sigmoid()
                for channel, value in enumerate(batch.targets[row, step]):
                    if not value.isnan():
                        normal = torch.distributions.Normal(means[:, channel], scales[:, channel].exp())
                        each = each * normal.log_prob(value).exp()
                total = total - each.sum().log()
        count = int(batch.lengths.sum())
        return total / (3 * count), count

    return Small(
        "generate-frames",
        name,
        lambda: FrameGenerator(3, [3, 3], settings),
        lambda b, t: ConditionedFrames(torch.randn(b, t, 3), torch.arange(2 * b).view(b, 2) % 3),
        lambda b, t: (b, t, 1 + mixtures * 7),
        batch,
        plain,
    )


GENERATORS = [frame_generator("one Gaussian", 1), frame_generator("a mixture", 3)]
