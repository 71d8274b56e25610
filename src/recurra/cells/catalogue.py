"""The cells by name."""

from __future__ import annotations

from recurra.cells.continuous import cfc, ctrnn
from recurra.cells.definition import Cell
from recurra.cells.elman import rnn, rnn_relu
from recurra.cells.exponential import slstm
from recurra.cells.gru import gru, gru_cho
from recurra.cells.linear import indrnn, min_gru, min_lstm, qrnn, rg_lru, sru
from recurra.cells.lstm import coupled_lstm, lstm, lstm_projected, peephole_lstm
from recurra.cells.minimal import fast_grnn, intersection_rnn, janet, minimal_gru, ugrnn
from recurra.cells.normalised import gru_layernorm, lstm_layernorm
from recurra.errors import UnknownNameError, UsageError

BUILT_IN: tuple[Cell, ...] = (
    rnn, rnn_relu, indrnn, lstm, peephole_lstm, coupled_lstm, lstm_projected, lstm_layernorm, slstm, janet, gru,
    gru_cho, gru_layernorm, minimal_gru, fast_grnn, ugrnn, intersection_rnn, min_gru, min_lstm, sru, qrnn, rg_lru,
    ctrnn, cfc,
)  # fmt: skip

_cells: dict[str, Cell] = {c.name: c for c in BUILT_IN}


def names() -> list[str]:
    """Names of all cells, the catalogue's own first."""
    return list(_cells)


def get(cell: str | Cell) -> Cell:
    """The cell of this name; a cell is returned as it is.

    Errors: UnknownNameError, with the nearest name; UsageError for an invalid name
    """
    if isinstance(cell, Cell):
        return cell
    if not isinstance(cell, str):
        raise UsageError(f"a cell is a name or a function under @recurra.cell, got {cell!r}")
    if cell not in _cells:
        raise UnknownNameError("cell", cell, _cells)
    return _cells[cell]


def register(cell: Cell) -> Cell:
    """Register a cell of your own under its name, in this process.

    A model folder keeps the cell's name and the fingerprint of its equations, so it must be registered again before
    such a folder is loaded. Errors: UsageError if another cell has the name.
    """
    if _cells.get(cell.name, cell) is not cell and (
        cell.name in {c.name for c in BUILT_IN} or _cells[cell.name].program().fingerprint != cell.program().fingerprint
    ):
        raise UsageError(f"a cell named {cell.name!r} is there already; give yours another name")
    _cells[cell.name] = cell
    return cell
