"""What a network says of what it is asked, and how far from that an export may be."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from recurra.export.layer_steps import Floats, floats
from recurra.tasks.outgoing import Asked, ScalingFrames
from recurra.topologies.frame_generator import ConditionedFrames, FrameGenerator
from recurra.topologies.one_to_many import Conditioned
from recurra.topologies.sequence_model import SequenceModel

LIMIT = 1e-5
"""Of the largest number, 1 at least, that an export and its network may differ by."""
ROUNDINGS = 3
"""Times `own_rounding`, where that is more."""


def allowed(largest: float, own: float) -> float:
    """What an export may differ by. largest: of the network's answers; own: their `own_rounding`"""
    return max(LIMIT * max(1.0, largest), ROUNDINGS * own)


def stepped(network: nn.Module, asked: Asked, preprocessor: Any = None) -> None:
    """Have a network whose state carries on read the first two steps of a sequence one by one."""
    if not isinstance(network, SequenceModel) or network.why_no_state() is not None or len(asked.inputs) < 2:
        return
    first = _batch(network, Asked(asked.inputs[:1], asked.values), preprocessor)
    second = _batch(network, Asked(asked.inputs[1:2], asked.values), preprocessor)
    with torch.inference_mode():
        _, state = network(first)
        network(second, None, state)


def own_rounding(network: nn.Module, asked: Sequence[Asked], preprocessor: Any = None) -> float:
    """The largest difference of a network's answers in single and in double precision."""
    exact = copy.deepcopy(network).double()
    found = (np.abs(said(exact, one, preprocessor) - said(network, one, preprocessor)).max() for one in asked)
    return max(map(float, found), default=0.0)


def said(network: nn.Module, asked: Asked, preprocessor: Any = None) -> Floats:
    """What the network itself says of a sequence. Shapes: -> [T, C], or [1, C] of all of it"""
    with torch.inference_mode():
        found: Tensor = network(_batch(network, asked, preprocessor))[0]
    return floats(found[0] if found.dim() == 3 else found)


def read_by(asked: Asked, preprocessor: Any) -> Any:
    """A sequence as the network reads it, frames scaled. Shapes: -> int64 [T], or float32 [T, I]"""
    inputs = asked.inputs
    if isinstance(preprocessor, ScalingFrames):
        inputs = np.asarray(preprocessor.encode(np.asarray(inputs, np.float64)), np.float32)
    return np.ascontiguousarray(inputs)


def _batch(network: nn.Module, asked: Asked, preprocessor: Any) -> Any:
    batch: Any = torch.from_numpy(read_by(asked, preprocessor)).unsqueeze(0)
    if batch.is_floating_point():
        batch = batch.to(next(network.parameters()).dtype)
    if asked.values is not None:
        values = torch.from_numpy(asked.values).unsqueeze(0)
        batch = ConditionedFrames(batch, values) if isinstance(network, FrameGenerator) else Conditioned(batch, values)
    return batch
