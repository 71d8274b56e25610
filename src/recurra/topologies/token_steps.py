"""A language model one token at a time, as it writes."""

from __future__ import annotations

import torch
from torch import Tensor

from recurra.engines.native.tensors import rows
from recurra.engines.request import State, Stream
from recurra.topologies.many_to_many import NextToken


class TokenSteps:
    """What follows each token of one text, without dropout and without gradients, from a state on.

    The weights are taken once, when this is made: a call of the whole layers would prepare them for every token.
    Shapes: state, for each state of the cell [L, 1, H]
    """

    def __init__(self, network: NextToken, state: State) -> None:
        self.table, self.gain, self.head = network.table.weight.detach(), network.table.gain, network.head
        self._stream = network.stack.stream(state=state)

    @property
    def layers(self) -> list[Stream]:
        """From the first to the last."""
        return self._stream.layers

    @torch.no_grad()
    def step(self, token: int) -> Tensor:
        """Unnormalised log-probabilities of what follows a token [V], the caller's own

        Errors: ShapeError for a table whose memory was given back
        """
        row = rows(self.table)[token : token + 1]
        y = self._stream.step(row if self.gain == 1 else row * self.gain)
        logits: Tensor = self.head(y)[0]
        return logits
