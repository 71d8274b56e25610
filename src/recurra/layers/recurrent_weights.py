"""What a layer makes of its recurrent weights before an engine sees them: blocks of heads, weights left out."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from recurra.cells.definition import Cell
from recurra.engines.request import CellWeights
from recurra.errors import UsageError


def checked_heads(heads: object, hidden_size: int, cell: Cell) -> int:
    """Errors: UsageError for what does not divide the units, or divides nothing"""
    if not isinstance(heads, int) or isinstance(heads, bool) or heads < 1 or hidden_size % heads:
        raise UsageError(f"heads must be a whole number that divides hidden_size = {hidden_size}, got {heads!r}")
    if heads > 1 and "weight_hh" not in cell.layout():
        raise UsageError(f"heads={heads} divide what a recurrent product maps; {cell.name} has no such product")
    if heads > 1 and cell.projected:
        raise UsageError(f"heads={heads}: {cell.name} maps a projection, which belongs to no head")
    return heads


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


def block_diagonal(blocks: Tensor, heads: int) -> Tensor:
    """Recurrent weights whose heads do not see each other, as FlashRNN and sLSTM have them, with the zeros in between.

    Shapes: [G*H, H/heads], the rows of a gate head after head -> [G*H, H]
    """
    size = blocks.shape[1]
    apart = torch.eye(heads, dtype=blocks.dtype, device=blocks.device).view(1, heads, 1, heads, 1)
    return (blocks.view(-1, heads, size, 1, size) * apart).reshape(-1, heads * size)


def made(weights: CellWeights, heads: int, share: float, training: bool) -> CellWeights:
    """The weights as a sequence uses them.

    share: of the recurrent weights that are left out, the others scaled up, the same ones at every step and for all
    rows (weight-drop: Merity, Keskar & Socher 2018, Regularizing and optimizing LSTM language models)
    """
    own = weights.weight_hh
    if own is None or (heads == 1 and not (share and training)):
        return weights
    own = functional.dropout(own, share, training)
    return weights.replaced(weight_hh=own if heads == 1 else block_diagonal(own, heads))
