"""A layer with its weights in 8 bits in the compiled core, which packs them once."""

from __future__ import annotations

from ctypes import byref

import torch
from torch import Tensor

from recurra.cells.definition import Cell
from recurra.engines.native import library
from recurra.engines.native.calls import Inputs, fill, forward
from recurra.engines.native.compiled import Compiled, compiled, refusal
from recurra.engines.quantised import MATRICES, ByteWeights
from recurra.engines.request import Embedded, Request, State

MOST = 1 << 16
"""Inputs and units at most: a sum of more products could leave 32 bits."""


class Packed:
    """Weights as the core's products in 8 bits want them; freed with this."""

    def __init__(self, cell: Compiled, weights: ByteWeights) -> None:
        self.handle: int | None = None
        self.weights, self.scales = weights.whole()
        call = library.Call()
        state = tuple([self.scales[0].new_zeros(1, 1)] * cell.states)
        alive = fill(cell, Inputs(self.weights[0], None, None, state, self.weights, False, False, packed=self), call)
        named = dict(zip((name for name in MATRICES if name in weights.scales), self.scales, strict=True))
        found = [named[name].contiguous() if name in named else None for name in MATRICES]
        call.scale_ih, call.scale_hh, call.scale_hr = (None if s is None else s.data_ptr() for s in found)
        self._free = cell.library.c.recurra_packed_free
        self.handle = cell.library.c.recurra_packed_new(cell.infer, byref(call))
        del alive, found
        if not self.handle:
            raise MemoryError("no memory for weights in 8 bits")

    def __del__(self) -> None:
        if getattr(self, "handle", None):
            self._free(self.handle)


def why_not(cell: Cell, weights: ByteWeights, bias: bool) -> str | None:
    """None if the core runs such a layer in 8 bits, otherwise the reason."""
    if (missing := library.why_missing()) is not None:
        return missing
    for tensor in (*weights.scales.values(), *weights.vectors):
        if tensor.device.type != "cpu" or tensor.dtype != torch.float32:
            given = f"{tensor.dtype} on {tensor.device}"
            return f"products of 8 bits have scales and vectors of float32 on the CPU, not {given}"
    inputs, rows = weights.stored["weight_ih"].shape[1], weights.stored["weight_ih"].shape[0]
    hidden = rows // len(cell.layout()["weight_ih"])
    if max(inputs, hidden) > MOST:
        return f"sums of 32 bits have room for {MOST:,} inputs and units; there are {inputs:,} and {hidden:,}"
    if inputs == 0:
        return "it takes inputs of at least one number, these have none"
    return refusal(cell, bias, False)


def packed(cell: Compiled, weights: ByteWeights) -> Packed:
    """Made once for these weights and this library."""
    found = weights.packed.get(cell.infer)  # programs are never let go
    if found is None:
        found = weights.packed[cell.infer] = Packed(cell, weights)
    assert isinstance(found, Packed)
    return found


def run(request: Request, weights: ByteWeights) -> tuple[Tensor, State]:
    """Outputs and last states of a request that was checked, whose own weights only tell forms."""
    cell = compiled(request.cell, bias=request.bias, mask=False)
    made = packed(cell, weights)
    if isinstance(given := request.x, Embedded):
        x, table = given.tokens.to(torch.int64), given.table.detach().float()
    else:
        x, table = given.detach().float(), None
    state = tuple(s.detach().float() for s in request.state)
    inputs = Inputs(x, table, request.lengths, state, made.weights, request.reverse, False, packed=made)
    y, last, _ = forward(cell, inputs, memory=False)
    return y, tuple(last)
