"""A stack of layers one step at a time, as input arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from recurra.engines.request import State
from recurra.errors import UsageError
from recurra.recurrence import stream

if TYPE_CHECKING:
    from recurra.layers.stack import Stack


class StackStream:
    """Steps of a Stack for `batch` rows, without dropout and without gradients.

    The weights are taken once, when this is made; what they become later is not seen. The states stay inside between
    steps. One at a time: not for several threads.
    Errors: UsageError for a stack of two directions, whose backward half would need the end first
    """

    def __init__(self, stack: Stack, batch: int = 1, state: State | None = None) -> None:
        if stack.bidirectional:
            raise UsageError("a stack of two directions cannot stream: its backward half begins at the end")
        if not isinstance(batch, int) or isinstance(batch, bool) or batch < 1:
            raise UsageError(f"batch must be a whole number from 1, got {batch!r}")
        start = stack.initial_state(batch) if state is None else tuple(state)
        stack.check_state(start, batch)
        self._stack, self._batch = stack, batch
        with torch.no_grad():
            self._layers = [
                stream(stack.cell, stack.weights(layer), tuple(s[layer] for s in start), engine=stack.engine)
                for layer in range(stack.num_layers)
            ]

    def step(self, x: Tensor) -> Tensor:
        """The next step.

        Shapes: x [B, I] -> y [B, H], which the step after this may overwrite: clone what is to be kept
        Errors: ShapeError
        """
        for layer in self._layers:
            x = layer.step(x)
        return x

    @property
    def state(self) -> State:
        """The states now, as Stack takes and returns them: each [L, B, H], copies."""
        return tuple(torch.stack(rows) for rows in zip(*(layer.state for layer in self._layers), strict=True))

    @state.setter
    def state(self, values: State) -> None:
        """Errors: ShapeError"""
        self._stack.check_state(tuple(values), self._batch)
        for i, layer in enumerate(self._layers):
            layer.state = tuple(v[i] for v in values)
