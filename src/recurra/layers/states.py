"""States from outside: do they fit a stack of layers?"""

from __future__ import annotations

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
