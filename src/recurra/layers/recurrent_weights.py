"""What a layer makes of its recurrent weights before an engine sees them: some of them left out."""

from __future__ import annotations

from recurra.cells.definition import Cell
from recurra.engines.request import CellWeights
from recurra.errors import UsageError
from recurra.layers.dropout import dropout


def checked_rank(rank: object, hidden_size: int, cell: Cell, heads: int) -> int:
    """0 for matrices of full rank. Errors: UsageError for what saves nothing, or acts on nothing"""
    if not isinstance(rank, int) or isinstance(rank, bool) or rank < 0:
        raise UsageError(f"rank must be a whole number from 0 (full rank), got {rank!r}")
    if rank >= hidden_size:
        full, low = hidden_size * hidden_size, 2 * hidden_size * rank
        raise UsageError(
            f"rank={rank} is not below hidden_size = {hidden_size}: a recurrent matrix would have {low:,} numbers in "
            f"two factors, and has {full:,} in one; ranks below {hidden_size / 2:g} save"
        )
    if rank and "weight_hh" not in cell.layout():
        raise UsageError(f"rank={rank} is that of recurrent matrices; {cell.name} has none")
    if rank and cell.projected:
        raise UsageError(f"rank={rank}: {cell.name} has a projection already, whose width is proj_size")
    if rank and heads > 1:
        raise UsageError(f"rank={rank} and heads={heads}: a recurrent matrix is blocks or two factors, not both")
    return rank


def dropped(weights: CellWeights, share: float) -> CellWeights:
    """The weights with some recurrent ones left out, the others scaled up: the same at every step and for all rows.

    Source: weight-drop, Merity, Keskar & Socher 2018, Regularizing and optimizing LSTM language models
    """
    own = weights.weight_hh
    return weights if own is None else weights.replaced(weight_hh=dropout(own, share))
