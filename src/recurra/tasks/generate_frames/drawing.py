"""Sequences drawn from a generator, frame after frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from recurra.engines.request import State
from recurra.tasks.generate_frames.preprocessor import Float32, GenerateFramesPreprocessor
from recurra.topologies.frame_generator import ConditionedFrames, FrameGenerator


@torch.inference_mode()
def draw(
    network: FrameGenerator,
    made: GenerateFramesPreprocessor,
    classes: Sequence[int],
    *,
    length: int,
    temperature: float = 1.0,
    seed: int = 0,
) -> list[tuple[Float32, bool]]:
    """A scaled sequence for each class, and whether it came to its end before `length` frames.

    temperature: of the mixture and, as a factor, of the deviations; 0 takes the likeliest Gaussian's mean, and ends
    where an end is likelier than not. Frames stay within those of training. Row i draws from numbers of its own, of
    (seed, i): it does not change with the rows beside it.
    Shapes: -> N x [T, I]
    """
    network.eval()
    device, count = network.head.weight.device, len(classes)
    rngs = [np.random.default_rng([seed, row]) for row in range(count)]
    low, high = (torch.from_numpy(each) for each in made.bounds())
    written: list[list[Tensor]] = [[] for _ in range(count)]
    ended, alive = [False] * count, torch.arange(count)
    indices = torch.tensor(list(classes), dtype=torch.int64).unsqueeze(1)
    frames = torch.zeros(count, 1, network.width)
    state: State | None = None
    for _ in range(length):
        inputs = ConditionedFrames(frames.to(device), indices[alive].to(device))
        outputs, state = network(inputs, state=state)
        found = [each.cpu() for each in network.said(outputs[:, -1])]
        drawn = [(rngs[row].random(2), rngs[row].standard_normal(network.width)) for row in alive.tolist()]
        chances = torch.from_numpy(np.stack([pair for pair, _ in drawn])).float()
        noise = torch.from_numpy(np.stack([normal for _, normal in drawn])).float()
        x = _frame(found[1], found[2], found[3], chances[:, 0], noise, temperature).clamp(low, high)
        last = chances[:, 1] < found[0].sigmoid() if temperature else found[0] > 0
        for row, frame, end in zip(alive.tolist(), x, last.tolist(), strict=True):
            written[row].append(frame)
            ended[row] = end
        on = (~last).nonzero().squeeze(1)
        if not len(on):
            break
        alive, frames = alive[on], x[on].unsqueeze(1)
        state = tuple(each[:, on.to(device)] for each in state)
    return [(np.asarray(torch.stack(rows).numpy(), np.float32), end) for rows, end in zip(written, ended, strict=True)]


def _frame(weights: Tensor, means: Tensor, scales: Tensor, chance: Tensor, noise: Tensor, temperature: float) -> Tensor:
    """Of a mixture. Shapes: [N, K], [N, K, I] twice, [N], [N, I] -> [N, I]"""
    if temperature:
        sums = (weights / temperature).softmax(-1).cumsum(-1)
        place = (sums < (chance * sums[:, -1]).unsqueeze(1)).sum(1).clamp(max=sums.shape[1] - 1)
    else:
        place = weights.argmax(1)
    rows = torch.arange(len(place))
    return means[rows, place] + temperature * scales[rows, place].exp() * noise
