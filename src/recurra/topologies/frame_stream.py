"""A network of frames, frame after frame: what it says of all that it has seen so far."""

from __future__ import annotations

import torch
from torch import Tensor

from recurra.errors import UsageError
from recurra.layers.stream import StackStream
from recurra.topologies.frames import FrameNetwork


class FrameSteps:
    """What stands around the layers in one sequence: before them the encoder, after them what is pooled and said.

    delay: frames that the label of one waits for; nothing: what the layers read after the last frame, [I]
    Errors: UsageError for layers of two directions
    """

    def __init__(self, network: FrameNetwork) -> None:
        if (reason := why_no_stream(network)) is not None:
            raise UsageError(f"this network cannot stream: {reason}")
        self._weight, self._bias = network.head.weight.detach(), network.head.bias.detach()
        self._encoder = network.encoder
        self._before: Tensor | None = None
        self.delay, self._left = network.delay, network.delay
        self.nothing = torch.zeros(network.stack.input_size, dtype=self._weight.dtype, device=self._weight.device)
        self._pooling = None if network.per_frame else network.pooling
        self._count, self._sum, self._highest = 0, torch.zeros(0), torch.zeros(0)

    @property
    def begun(self) -> bool:
        return self._count > 0

    def inputs(self, x: Tensor) -> Tensor:
        """What the layers read of a frame. Shapes: [I], a picture's or the layers' -> [I]"""
        if self._encoder is not None:
            before, self._before = x if self._before is None else self._before, x
            with torch.no_grad():
                x = self._encoder(x.unsqueeze(0), before.unsqueeze(0))[0]
        return x

    def said(self, y: Tensor) -> Tensor | None:
        """The label after a further output of the layers, None while it waits for others.

        Shapes: y [H], which is kept -> logits [C]
        """
        self._count += 1
        if self._pooling in ("mean", "max", "all"):
            self._sum = y if self._count == 1 else self._sum + y
            self._highest = y if self._count == 1 else torch.maximum(self._highest, y)
        if self._left:
            self._left -= 1
            return None
        return torch.addmv(self._bias, self._weight, self._seen(y))

    def _seen(self, last: Tensor) -> Tensor:
        if self._pooling in (None, "last"):
            return last
        mean = self._sum / self._count
        if self._pooling == "all":
            return torch.cat([last, mean, self._highest])
        return mean if self._pooling == "mean" else self._highest


class FrameNetworkStream(FrameSteps):
    """One sequence, without dropout and gradients. Its layers' states stay inside, and so does what is pooled."""

    def __init__(self, network: FrameNetwork) -> None:
        super().__init__(network)
        self._stack = StackStream(network.stack)

    def step(self, x: Tensor) -> Tensor | None:
        """The label of this frame; of a network with one for all, the label of all frames so far.

        With a delay that of a frame so many before, None while there is none.
        Shapes: x [I] -> logits [C]
        """
        return self._step(self.inputs(x))

    def end(self) -> list[Tensor]:
        """The labels of the last frames, which wait for others."""
        if not self.begun:
            return []
        return [logits for _ in range(self.delay) if (logits := self._step(self.nothing)) is not None]

    def _step(self, x: Tensor) -> Tensor | None:
        return self.said(self._stack.step(x.unsqueeze(0))[0].clone())


def why_no_stream(network: FrameNetwork) -> str | None:
    """Why such a network gives no answers while frames arrive; None if it does."""
    if network.stack.bidirectional:
        return "its layers read in both directions, and the backward one begins at the end of the sequence"
    return None
