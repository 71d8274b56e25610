"""A stack of layers one step at a time, as input arrives."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from recurra.engines.request import State, Stream
from recurra.errors import UsageError
from recurra.layers import quantised
from recurra.layers.states import check_states
from recurra.recurrence import stream

if TYPE_CHECKING:
    from recurra.layers.stack import Stack


class StackStream:
    """Steps of a Stack for `batch` rows, without dropout and without gradients.

    The weights are taken once, when this is made; what they become later is not seen. The states stay inside between
    steps; a copy, shallow or deep, or a pickle of it goes on from there by itself. One at a time: not for several
    threads.
    Errors: UsageError for a stack of two directions, whose backward half would need the end first
    """

    def __init__(self, stack: Stack, batch: int = 1, state: State | None = None) -> None:
        if stack.bidirectional:
            raise UsageError("a bidirectional stack cannot stream: its backward direction begins at the end")
        if not isinstance(batch, int) or isinstance(batch, bool) or batch < 1:
            raise UsageError(f"batch must be a whole number from 1, got {batch!r}")
        start = stack.initial_state(batch) if state is None else tuple(state)
        self._fitting = (stack.num_layers, batch, stack.state_widths)
        self._cell = stack.cell
        check_states(self._cell, start, *self._fitting)
        with torch.no_grad():
            self._layers: list[Stream] = [
                quantised.stream(stack, layer, tuple(s[layer] for s in start))
                if stack.quantised
                else stream(
                    stack.evaluated_cell,
                    stack.weights(layer, dropped=False),
                    tuple(s[layer] for s in start),
                    engine=stack.engine,
                )
                for layer in range(stack.num_layers)
            ]

    def __copy__(self) -> StackStream:
        """Goes on from the same states, by itself."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__, _layers=[copy(layer) for layer in self._layers])
        return other

    def step(self, x: Tensor) -> Tensor:
        """The next step.

        Shapes: x [B, I] -> y [B, H], which the step after this may overwrite: clone what is to be kept
        Errors: ShapeError
        """
        for layer in self._layers:
            x = layer.step(x)
        return x

    @property
    def layers(self) -> list[Stream]:
        """Each layer's own, from the first to the last."""
        return self._layers

    @property
    def state(self) -> State:
        """The states now, as Stack takes and returns them: each [L, B, H], copies."""
        return tuple(torch.stack(rows) for rows in zip(*(layer.state for layer in self._layers), strict=True))

    @state.setter
    def state(self, values: State) -> None:
        """Errors: ShapeError"""
        check_states(self._cell, tuple(values), *self._fitting)
        for i, layer in enumerate(self._layers):
            layer.state = tuple(v[i] for v in values)
