"""What zoneout makes of a layer's cell, and the masks of its steps (Krueger et al. 2017, arXiv:1606.01305)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from recurra.cells.definition import Cell
from recurra.cells.variants import expected_zoneout, masked_zoneout
from recurra.errors import UsageError
from recurra.layers.dropout import drawn


def zoned(cell: Cell, zoneout: float, zoneout_cell: float) -> tuple[Cell, Cell]:
    """The cell in training, whose steps are given masks, and in evaluation; itself twice where both shares are 0.

    Errors: UsageError
    """
    for name, share in (("zoneout", zoneout), ("zoneout_cell", zoneout_cell)):
        if not isinstance(share, int | float) or isinstance(share, bool) or not 0 <= share <= 1:
            raise UsageError(f"{name} must be a number from 0 to 1, got {share!r}")
    if zoneout_cell and len(cell.states) == 1:
        raise UsageError(
            f"zoneout_cell={zoneout_cell} acts on the states beside the output; {cell.name} has the output "
            "alone; use zoneout"
        )
    if not zoneout and not zoneout_cell:
        return cell, cell
    shares = (float(zoneout), float(zoneout_cell))
    return masked_zoneout(cell, (zoneout > 0, zoneout_cell > 0)), expected_zoneout(cell, shares)


def masks(shares: Sequence[float], widths: Sequence[int], batch: int, time: int, like: Tensor) -> tuple[Tensor, ...]:
    """1 where a unit keeps its old value, drawn anew for each step: [B, T, H] for each share that is not 0.

    shares, widths: of the output, and of the other states
    """
    return tuple([drawn((batch, time, widths[i]), share, like) for i, share in enumerate(shares) if share])
