"""Backward calls of the core: gradients of what a layer computed from."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from ctypes import byref

from torch import Tensor

from recurra.engines.native import library, packing
from recurra.engines.native.calls import Inputs, call_of, of_units, room
from recurra.engines.native.compiled import Compiled
from recurra.engines.native.once import add_up, make
from recurra.engines.native.pool import matrix, sequences
from recurra.engines.native.refusals import check
from recurra.engines.native.tensors import rows, vectors


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
    asked = _Asked(cell, inputs, memory, None if d_y is None else vectors(d_y), 0, d_last, wanted)
    if asked.rows > 0:
        check(cell.library.c.recurra_backward(cell.train, byref(asked.call)))
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
    d_y, width = None if d_y is None else vectors(d_y), directions[0].sizes[2]
    one, other = [
        _Asked(cell, inputs, memory, d_y, number * width, last, own)
        for number, (inputs, memory, last, own) in enumerate(zip(directions, memories, d_last, wanted, strict=True))
    ]
    if one.rows > 0:
        check(cell.library.c.recurra_backward_both(cell.train, byref(one.call), byref(other.call)))
    return [one.found(), other.found()]


class _Asked:
    """One direction's call of backward, with what it reads and writes.

    column: of d_y's last axis, where that of the outputs begins
    """

    __slots__ = ("alive", "call", "cell", "inputs", "last", "made", "rows", "sums", "wanted")

    def __init__(
        self,
        cell: Compiled,
        inputs: Inputs,
        memory: Tensor,
        d_y: Tensor | None,
        column: int,
        d_last: Sequence[Tensor | None],
        wanted: Sequence[bool],
    ) -> None:
        self.cell, self.inputs = cell, inputs
        weights, table, own = inputs.weights, inputs.table, len(cell.stored)
        like, first = weights[0], 2 + len(inputs.state)  # of the weights among what is wanted
        self.rows, time = batch, _ = inputs.x.shape[:2]
        call, self.alive = call_of(cell, inputs) if batch > 0 else (library.Call(), [])
        self.call = call
        if batch > 0:
            call.memory, call.memory_bytes = room(memory)
        if d_y is not None:
            self.alive.append(d_y)
            strides = d_y.stride()
            at = d_y.data_ptr() + column * d_y.element_size()
            packing.ROWS(call, packing.D_Y_AT, at, strides[0], strides[1])
        for i, tensor in enumerate(d_last):
            if tensor is not None:
                tensor = rows(tensor)
                self.alive.append(tensor)
                call.dlast[i] = tensor.data_ptr()
        core, d_x, d_x_at = cell.library, None, 0
        if wanted[0] and table is None:
            d_x = sequences(core, like, batch, time, like.shape[1])
            d_x_at = d_x.data_ptr()
        d_table, d_table_at = (None, 0) if table is None else _new(core, like, wanted[1], *table.shape)
        self.made, at_states = [d_x, d_table], [d_x_at, d_table_at]
        for i, state in enumerate(inputs.state):
            tensor, at = _new(core, like, wanted[2 + i], batch, state.shape[1])
            self.made.append(tensor)
            at_states.append(at)
        packing.ADDRESSES[len(at_states)](call, packing.D_X_AT, *at_states)  # those of states follow
        tensor, d_ih_at = _new(core, like, wanted[first], *like.shape)  # however the weight lies
        self.made.append(tensor)
        d_hh_at = d_hr_at = 0
        if cell.hh_blocks:
            tensor, d_hh_at = _new(core, like, wanted[first + 1], *weights[1].shape)
            self.made.append(tensor)
        self.last: list[Tensor | None] = []
        if cell.hr_blocks:
            own -= 1
            tensor, d_hr_at = _new(core, like, wanted[first + own], *weights[own].shape)
            self.last.append(tensor)
        self.wanted = wanted[len(self.made) : first + own]  # of the vectors
        self.sums, sums_at = _new(core, like, True in self.wanted, cell.reductions, cell.units(weights))
        packing.ADDRESSES[4](call, packing.D_WEIGHTS_AT, d_ih_at, d_hh_at, d_hr_at, sums_at)

    def found(self) -> list[Tensor | None]:
        """The gradients, after the call; zeros where there are no rows."""
        cell, inputs, sums, found = self.cell, self.inputs, self.sums, self.made
        if self.rows == 0:
            for tensor in (*found, *self.last, sums):
                if tensor is not None:
                    tensor.zero_()
        if sums is None:
            found += [None] * len(self.wanted)
        else:
            self._add_vectors(sums)
        found += self.last
        return found + [None] * (len(inputs.weights) - len(cell.stored))  # for what steps are given

    def _add_vectors(self, sums: Tensor) -> None:
        """Each vector weight's gradient out of the sums [reductions, H]; no two of them share memory."""
        cell, inputs, found = self.cell, self.inputs, self.made
        if cell.once is not None:
            if inputs.once is None:
                own = of_units(cell, [rows(w) for w in inputs.weights[: len(cell.stored)]], sums.shape[1])
                inputs.once = make(cell.once, own, inputs.like, sums.shape[1])
            add_up(cell.once, inputs.once, sums, cell.value_sums)
        first = 2 + len(inputs.state)
        for runs, want in zip(cell.vector_runs, self.wanted, strict=True):
            found.append(_gathered(sums, runs) if want else None)
        if cell.numbers >= 0 and (numbers := found[first + cell.numbers]) is not None:
            found[first + cell.numbers] = numbers.view(-1, sums.shape[1]).sum(1)
        for number, block, place in cell.read_twice:
            if (to := found[first + number]) is not None:
                one = sums[place].sum().reshape(1) if number == cell.numbers else sums[place]
                to.narrow(0, block * len(one), len(one)).add_(one)


def _new(core: library.Library, like: Tensor, wanted: bool, rows: int, columns: int) -> tuple[Tensor | None, int]:
    """A gradient to be written and its address; None and 0 where it is not wanted."""
    if not wanted:
        return None, 0
    tensor = matrix(core, like, rows, columns)
    return tensor, tensor.data_ptr()


def _gathered(sums: Tensor, runs: Sequence[tuple[int, int]]) -> Tensor:
    """Rows of the sums one after the other, each run by its first and their number, zeros for those past the last;
    copied without torch, whose calls between two of the core's take many times as long.
    """
    count, width = sums.shape
    found = sums.new_empty(sum([number for _, number in runs]) * width)
    size = width * sums.element_size()
    to, start = found.data_ptr(), sums.data_ptr()
    for first, number in runs:
        if first < count:
            ctypes.memmove(to, start + first * size, number * size)
        else:
            ctypes.memset(to, 0, number * size)
        to += number * size
    return found
