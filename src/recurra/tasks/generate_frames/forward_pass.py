"""A sequence of a class on its way through a generator of frames."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch

from recurra.errors import UsageError
from recurra.tasks.forward_pass import BEGIN, Floats, ForwardPass
from recurra.tasks.generate_frames.model import FramesGenerator
from recurra.tasks.model import refuse_options
from recurra.topologies.frame_generator import ConditionedFrames, FrameGenerator

ENDS = ("goes on", "ends")


def forward_pass(model: FramesGenerator, given: Any, *, condition: str | None = None, **options: Any) -> ForwardPass:
    """probabilities: of whether the sequence ends with the frame that follows each one.

    given: an array [T, I] in the units of the data; condition: a class, the most frequent if None. Errors: UsageError
    """
    refuse_options(model, options)
    made, network = model.preprocessor, cast("FrameGenerator", model.network)
    width = len(made.channels)
    try:
        values = np.asarray(given, np.float64)
    except (TypeError, ValueError) as error:
        raise UsageError(f"expected frames [T, {width}], got {given!r:.60}") from error
    if values.ndim != 2 or values.shape[1] != width or not len(values):
        raise UsageError(f"expected frames [T, {width}], T at least 1, got {list(values.shape)}")
    (indices, _) = max(made.attributes.matching(condition), key=lambda each: each[1])
    device = network.head.weight.device
    frames = torch.from_numpy(np.nan_to_num(made.encode(values)))[None].to(device)
    read = torch.cat([torch.zeros_like(frames[:, :1]), frames], 1)
    inputs = ConditionedFrames(read, torch.tensor([indices], device=device))
    tokens = [BEGIN, *map(str, range(1, len(values) + 1))]

    def probabilities() -> Floats:
        ends = network.said(network(inputs)[0])[0][0].sigmoid()
        return np.asarray(torch.stack([1 - ends, ends], -1).cpu().numpy(), np.float32)

    return ForwardPass(lambda: network(inputs), {"stack": tokens}, ENDS, tokens, probabilities)
