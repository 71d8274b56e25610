"""What of a sequence's outputs is looked at where it has one answer."""

from __future__ import annotations

import torch
from torch import Tensor

from recurra.engines.request import State
from recurra.layers.stack import Stack
from recurra.topologies.pooling import highest, sum_and_highest
from recurra.topologies.settings import Pooling


def why_no_state_of(how: Pooling) -> str | None:
    """Why a network that looks at its outputs this way can take no state of earlier steps; None if it can."""
    return None if how == "last" else f"pooling {how} looks at all outputs, of which a state holds the last"


def pooled(how: Pooling, stack: Stack, y: Tensor, state: State, lengths: Tensor) -> Tensor:
    """What of the outputs is looked at.

    Shapes: y [B, T, D*H], state as Stack's, lengths int64 [B] -> [B, D*H], for "all" [B, 3*D*H]
    """
    lengths = lengths.to(y.device)
    if how == "mean":
        return y.sum(1) / lengths.unsqueeze(1)
    if how == "max":
        return highest(y, lengths)
    if how == "all":
        total, most = sum_and_highest(y, lengths)
        return torch.cat([pooled("last", stack, y, state, lengths), total / lengths.unsqueeze(1), most], -1)
    top: list[Tensor] = list(state[0][-stack.num_directions :])
    if len(top) == 1:
        return top[0]
    return torch.cat(top, -1) if stack.merge == "concat" else torch.add(*top)
