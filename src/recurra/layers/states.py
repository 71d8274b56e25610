"""States of a stack of layers: do those from outside fit, and those of each layer as one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from recurra.cells.definition import Cell
from recurra.engines.request import State
from recurra.errors import ShapeError


def check_states(cell: Cell, state: State, rows: int, batch: int | None, widths: tuple[int, ...]) -> None:
    """Whether there is one tensor [rows, batch, H] for each state of the cell; [rows, H], a single sequence's, for
    batch None.

    Errors: ShapeError, with the shapes as they were given
    """
    if len(state) != len(cell.states):
        raise ShapeError(f"{cell.name} has the states {', '.join(cell.states)}, got {len(state)}")
    axes = "[L*D, H] of a single sequence" if batch is None else "[L*D, B, H]"
    for name, tensor, width in zip(cell.states, state, widths, strict=True):
        shape = (rows, width) if batch is None else (rows, batch, width)
        if not isinstance(tensor, Tensor):
            raise ShapeError(f"expected state {name} {axes} = {list(shape)}, got a {type(tensor).__name__}")
        if tensor.shape != shape:
            raise ShapeError(f"expected state {name} {axes} = {list(shape)}, got {list(tensor.shape)}")


def stacked(last: Sequence[State]) -> State:
    """The last states of a stack's call, one [L*D, B, H] each, out of those that `Stack.apart` gives."""
    if len(last) == 1 and last[0][0].dim() == 3:
        return last[0]
    return tuple(torch.stack(rows) for rows in zip(*last, strict=True))
