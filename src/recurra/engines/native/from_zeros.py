"""Layers that begin from states of zero, by the shortest way: what most calls are, and what goes around the core counts
most where a layer is small.
"""

from __future__ import annotations

import torch
from torch import Tensor

from recurra.cells.definition import Cell
from recurra.engines.native import library
from recurra.engines.native.calls import Inputs
from recurra.engines.native.compiled import Compiled, compiled, refusal
from recurra.engines.native.layer import applied, forward
from recurra.engines.native.tensors import TYPES
from recurra.engines.request import CellWeights, Embedded, State
from recurra.engines.watching import are_plain, is_transformed


def unrolled(
    cell: Cell,
    directions: tuple[CellWeights, ...],
    x: Tensor | Embedded,
    lengths: Tensor | None,
    *,
    bias: bool,
    widths: tuple[int, ...],
    reverse: tuple[bool, ...],
    stacked: bool = False,
) -> tuple[Tensor, State] | None:
    """Outputs and last states of one direction, or of two side by side; as `Native.run` and `run_both`, of what was
    checked.

    None where another way has to be taken: where somebody looks on, in other types, under autocast, without a core.
    """
    if torch.compiler.is_compiling() or torch.is_autocast_enabled("cpu"):
        return None
    first = directions[0].weight_ih
    if first.dtype not in TYPES or not first.is_cpu or first.shape[1] == 0:
        return None
    core = _compiled(cell, bias)
    if core is None:
        return None
    given, table = (x.tokens, x.table) if isinstance(x, Embedded) else (x, None)
    if given.dtype == torch.int32:
        given = given.to(torch.int64)
    listed = [weights.listed() for weights in directions]
    tensors = [given if table is None else table]
    for weights in listed:
        tensors += weights
    if is_transformed(tensors) or not are_plain((given, *tensors)):
        return None
    inputs = tuple(
        [
            Inputs(given, table, lengths, (), weights, back, False, stacked=stacked, widths=widths)
            for weights, back in zip(listed, reverse, strict=True)
        ]
    )
    if torch.is_grad_enabled() and True in [t.requires_grad for t in tensors]:
        return applied(core, inputs)
    y, last, _ = forward(core, inputs, memory=False)
    return y, tuple(last)


def _compiled(cell: Cell, bias: bool) -> Compiled | None:
    """The cell in the core; None if there is no core, or no room in it for such a cell."""
    if library.why_missing() is not None or refusal(cell, bias, False) is not None:
        return None
    return compiled(cell, bias=bias, mask=False)
