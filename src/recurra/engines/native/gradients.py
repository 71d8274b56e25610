"""Backward calls of the core: gradients of what a layer computed from."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from ctypes import byref
from typing import Any

from torch import Tensor

from recurra.engines.native import library
from recurra.engines.native.calls import Inputs, call_of, of_units, room
from recurra.engines.native.compiled import Compiled
from recurra.engines.native.once import add_up, make
from recurra.engines.native.refusals import check
from recurra.engines.native.tensors import plain, rows


def backward(
    cell: Compiled,
    inputs: Inputs,
    memory: Tensor,
    d_y: Tensor | None,
    d_last: Sequence[Tensor | None],
    wanted: Sequence[bool],
) -> list[Tensor | None]:
    """Gradients of x, the table, each state and each weight, in this order; None for what is not wanted.

    x has none where there is a table, the table none where there is not; what steps are given has none.
    """
    asked = _Asked(cell, inputs, wanted)
    if inputs.sizes[0] > 0:
        call, alive = asked.call(memory, _as_read(d_y), 0, d_last)
        check(cell.library.c.recurra_backward(cell.train, byref(call)))
        del alive
    return asked.found()


def backward_both(
    cell: Compiled,
    directions: Sequence[Inputs],
    memories: Sequence[Tensor],
    d_y: Tensor | None,
    d_last: Sequence[Sequence[Tensor | None]],
    wanted: Sequence[Sequence[bool]],
) -> list[list[Tensor | None]]:
    """The same of two directions in one call, whose outputs stand side by side in y; x or the table has a gradient of
    each.
    """
    asked = [_Asked(cell, inputs, own) for inputs, own in zip(directions, wanted, strict=True)]
    batch, _, width = directions[0].sizes
    if batch > 0:
        d_y = _as_read(d_y)
        calls = [
            one.call(memory, d_y, number * width, last)
            for number, (one, memory, last) in enumerate(zip(asked, memories, d_last, strict=True))
        ]
        (call, _), (other, _) = calls
        check(cell.library.c.recurra_backward_both(cell.train, byref(call), byref(other)))
        del calls
    return [one.found() for one in asked]


def _as_read(d_y: Tensor | None) -> Tensor | None:
    """With its last axis one after the other in memory."""
    if d_y is None:
        return None
    d_y = plain(d_y)
    return d_y.contiguous() if d_y.stride(2) != 1 and d_y.shape[2] > 1 else d_y


class _Asked:
    """What a call of backward is asked for."""

    def __init__(self, cell: Compiled, inputs: Inputs, wanted: Sequence[bool]) -> None:
        self.cell, self.inputs = cell, inputs
        batch, time, _ = inputs.sizes
        weights, given = inputs.weights[: len(cell.stored)], inputs.weights[len(cell.stored) :]
        like = weights[0]
        states, self.matrices = len(inputs.state), 2 if cell.hh_blocks else 1
        want_state, self.want_weight = wanted[2 : 2 + states], list(wanted[2 + states : len(wanted) - len(given)])
        self.projections = (
            [like.new_empty(weights[-1].shape) if self.want_weight.pop() else None] if cell.hr_blocks else []
        )
        table = inputs.table
        self.d_x = like.new_empty(batch, time, like.shape[1]) if wanted[0] and table is None else None
        self.d_table = like.new_empty(table.shape) if wanted[1] and table is not None else None
        self.d_state = [
            like.new_empty(batch, s.shape[1]) if want else None
            for s, want in zip(inputs.state, want_state, strict=True)
        ]
        pairs = zip(weights[: self.matrices], self.want_weight[: self.matrices], strict=True)
        self.d_matrices = [like.new_empty(w.shape) if want else None for w, want in pairs]  # however the weight lies
        sums = any(self.want_weight[self.matrices :])
        self.sums = like.new_empty(cell.reductions, cell.units(weights)) if sums else None

    def call(
        self, memory: Tensor, d_y: Tensor | None, column: int, d_last: Sequence[Tensor | None]
    ) -> tuple[library.Call, list[Any]]:
        """The call, and what has to stay alive for it. column: of d_y's last axis, where that of the outputs begins"""
        call, alive = call_of(self.cell, self.inputs)
        call.memory, call.memory_bytes = room(memory)
        if d_y is not None:
            alive.append(d_y)
            call.dy, call.dy_batch, call.dy_time = (
                d_y.data_ptr() + column * d_y.element_size(),
                d_y.stride(0),
                d_y.stride(1),
            )
        for i, tensor in enumerate(d_last):
            if tensor is not None:
                tensor = rows(tensor)
                alive.append(tensor)
                call.dlast[i] = tensor.data_ptr()
        for i, tensor in enumerate(self.d_state):
            if tensor is not None:
                call.dstate[i] = tensor.data_ptr()
        if self.d_x is not None:
            call.dx = self.d_x.data_ptr()
        if self.d_table is not None:
            call.dtable = self.d_table.data_ptr()
        if self.d_matrices[0] is not None:
            call.dweight_ih = self.d_matrices[0].data_ptr()
        if self.matrices == 2 and self.d_matrices[1] is not None:
            call.dweight_hh = self.d_matrices[1].data_ptr()
        for tensor in self.projections:
            if tensor is not None:
                call.dweight_hr = tensor.data_ptr()
        if self.sums is not None:
            call.dvectors = self.sums.data_ptr()
        return call, alive

    def found(self) -> list[Tensor | None]:
        """The gradients, after the call; zeros where there are no rows."""
        cell, inputs, sums = self.cell, self.inputs, self.sums
        weights = inputs.weights[: len(cell.stored)]
        if inputs.sizes[0] == 0:
            for tensor in (*self.d_matrices, *self.projections, sums, self.d_table):
                if tensor is not None:
                    tensor.zero_()
        if sums is not None and cell.once is not None:
            if inputs.once is None:
                units = cell.units(weights)
                own = of_units(cell, [rows(w) for w in weights], units)
                inputs.once = make(cell.once, own, inputs.state[0], units)
            add_up(cell.once, inputs.once, sums, cell.value_sums)
        vectors = list(_vectors(cell, sums, self.want_weight[self.matrices :]))
        if sums is not None:
            for number, block, place in cell.read_twice:
                if (to := [*self.d_matrices, *vectors][number]) is not None:
                    one = sums[place].sum().reshape(1) if number == cell.numbers else sums[place]
                    to.narrow(0, block * len(one), len(one)).add_(one)
        none = [None] * (len(inputs.weights) - len(weights))  # for what steps are given
        return [self.d_x, self.d_table, *self.d_state, *self.d_matrices, *vectors, *self.projections, *none]


def _vectors(cell: Compiled, sums: Tensor | None, wanted: Sequence[bool]) -> Iterator[Tensor | None]:
    """Each vector weight's gradient out of the sums [reductions, H]; no two of them share memory."""
    numbers = cell.numbers - (2 if cell.hh_blocks else 1)
    for i, (indices, want) in enumerate(zip(cell.vector_indices, wanted, strict=True)):
        if sums is None or not want:
            yield None
        elif i == numbers:
            yield _gathered(sums, indices).view(len(indices), -1).sum(1)
        else:
            yield _gathered(sums, indices)


def _gathered(sums: Tensor, indices: Sequence[int]) -> Tensor:
    """Rows of the sums one after the other, zeros for the one past the last; copied without torch, whose calls between
    two of the core's take many times as long.
    """
    width = sums.shape[1]
    found = sums.new_empty(len(indices) * width)
    size = width * sums.element_size()
    to, start = found.data_ptr(), sums.data_ptr()
    for place in indices:
        if place < len(sums):
            ctypes.memmove(to, start + place * size, size)
        else:
            ctypes.memset(to, 0, size)
        to += size
    return found
