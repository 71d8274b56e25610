"""Who looks on while a network is trained, and changes nothing."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from torch import nn

from recurra.training.checkpoint import Counters


class Observer(Protocol):
    """Is told of every step, in this order."""

    def reading(self, network: nn.Module, counters: Counters) -> AbstractContextManager[None]:
        """Entered while the network reads a batch. counters: before the step"""

    def graded(self, loss: float, norm: float) -> None:
        """The gradients are there and clipped. norm: before"""

    def stepped(self) -> None:
        """The optimizer has changed the weights."""


class Nobody:
    """Looks at nothing."""

    def reading(self, network: nn.Module, counters: Counters) -> AbstractContextManager[None]:
        return nullcontext()

    def graded(self, loss: float, norm: float) -> None:
        return None

    def stepped(self) -> None:
        return None


NOBODY = Nobody()
