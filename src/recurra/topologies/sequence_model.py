"""What all networks have in common: one way to run them and one to train them.

Export, inspection, serving and the training loop rely on this alone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, NamedTuple, TypeVar

from torch import Tensor, nn

from recurra.engines.request import State
from recurra.errors import UsageError

Inputs = TypeVar("Inputs")
Batch = TypeVar("Batch")


class Loss(NamedTuple):
    """What a batch costs.

    mean: a number with a gradient, in nats unless the network says otherwise; units: the tokens or examples that it is
    the mean of; state: to carry into the next batch, or None where each batch begins anew
    """

    mean: Tensor
    units: int
    state: State | None = None


class SequenceModel(nn.Module, ABC, Generic[Inputs, Batch]):
    """A network over sequences.

    Inputs: what one call reads: a tensor, or a NamedTuple of tensors where one is not enough. Batch: what a training
    step needs, inputs, lengths and targets among it, everything but the lengths where the network is.
    """

    @abstractmethod
    def forward(
        self, inputs: Inputs, lengths: Tensor | None = None, state: State | None = None
    ) -> tuple[Tensor, State]:
        """What the network says of each row, and where each row stands after it.

        A row's outputs depend on its own inputs, up to its length, and on its own state; past its length they mean
        nothing. A state that is given back is gone on from, so that two calls give what one call gives.

        inputs: of B rows and up to T steps; lengths: each row's steps, all T if None; state: what an earlier call
        returned, None to begin
        Shapes: lengths int64 [B], each from 1 to T; every tensor of a state has its rows in dimension 1: [., B, .]
                -> outputs [B, ...] as the network says; the state
        Errors: ShapeError for lengths or a state that do not fit; UsageError for a state where `why_no_state` has a
                reason
        """

    @abstractmethod
    def loss(self, batch: Batch, state: State | None = None) -> Loss:
        """What is minimised: the mean over a batch's targets, by the shortest way to it, not by way of `forward`.

        Errors: as `forward`
        """

    def why_no_state(self) -> str | None:
        """None if a state can be carried from a call into the next; otherwise the reason it cannot."""
        return None

    def check_state(self, state: State | None) -> None:
        """Errors: UsageError for a state that cannot be gone on from"""
        if state is not None and (reason := self.why_no_state()) is not None:
            raise UsageError(f"this network takes no state: {reason}; give the whole sequence at once, with state=None")


BOTH_WAYS = "its layers read in both directions, and the backward one begins at the end of the sequence"
"""Why a network of two directions takes no state."""
