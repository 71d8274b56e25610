"""A network of frames, frame after frame: what it says of all that it has seen so far."""

from __future__ import annotations

import torch
from torch import Tensor

from recurra.errors import UsageError
from recurra.layers.stream import StackStream
from recurra.topologies.frames import FrameNetwork


class FrameNetworkStream:
    """One sequence, without dropout and gradients. Its layers' states stay inside, and so does what is pooled.

    Errors: UsageError for layers of two directions
    """

    def __init__(self, network: FrameNetwork) -> None:
        if (reason := why_no_stream(network)) is not None:
            raise UsageError(f"this network cannot stream: {reason}")
        self._stack = StackStream(network.stack)
        self._head = network.head
        self._pooling = None if network.per_frame else network.pooling
        self._count, self._sum, self._highest = 0, torch.zeros(0), torch.zeros(0)

    @torch.inference_mode()
    def step(self, x: Tensor) -> Tensor:
        """The label of this frame; of a network with one for all, the label of all frames so far.

        Shapes: x [I] -> logits [C]
        """
        y = self._stack.step(x.unsqueeze(0))[0].clone()
        self._sum = y.clone() if not self._count else self._sum + y
        self._highest = y.clone() if not self._count else torch.maximum(self._highest, y)
        self._count += 1
        logits: Tensor = self._head(self._seen(y))
        return logits

    def _seen(self, last: Tensor) -> Tensor:
        if self._pooling in (None, "last"):
            return last
        mean = self._sum / self._count
        if self._pooling == "all":
            return torch.cat([last, mean, self._highest])
        return mean if self._pooling == "mean" else self._highest


def why_no_stream(network: FrameNetwork) -> str | None:
    """Why such a network gives no answers while frames arrive; None if it does."""
    if network.stack.bidirectional:
        return "its layers read in both directions, and the backward one begins at the end of the sequence"
    return None
