"""What weights of units alone make, by the core: one step of one row, before a layer's call and after its backward."""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import byref, memmove
from dataclasses import dataclass

from torch import Tensor

from recurra.engines.native import library
from recurra.engines.native.compiled import Once
from recurra.engines.native.refusals import check
from recurra.engines.native.tensors import TYPES


@dataclass(slots=True)
class Made:
    """The values [values, H] of one call, and what their gradients need, in memory that nobody else has.

    at: where the values begin
    """

    call: library.Call
    room: Tensor
    at: int


def make(once: Once, weights: Sequence[Tensor], like: Tensor, units: int) -> Made:
    """The values of these weights, whose numbers lie one after the other, `units` in each block.

    like: of the type that is computed in. What the weights become later is not seen.
    """
    c, call, own = once.core.c, library.Call(), len(once.vectors)
    call.type, call.threads = TYPES[like.dtype], 1
    call.batch = call.time = call.inputs = call.heads = 1
    call.hidden = call.projected = units
    size, item = c.recurra_memory(once.program, byref(call)), like.element_size()
    room = like.new_empty((own + once.values) * units + size // item + 1)
    row, start = units * item, room.data_ptr()
    at = start + own * row
    vectors, states, last = call.vectors, call.state, call.last
    for i, (which, block) in enumerate(once.vectors):
        vectors[i] = to = start + i * row
        memmove(to, weights[which].data_ptr() + block * row, row)
    call.x = call.weight_ih = start  # a step needs an input and states, but this one reads none
    for i in range(once.values):
        states[i], last[i] = start, at + i * row
    call.memory, call.memory_bytes = at + once.values * row, size
    check(c.recurra_forward(once.program, byref(call)))
    return Made(call, room, at)


def add_up(once: Once, made: Made, sums: Tensor, adjoints: Sequence[int]) -> None:
    """The gradients of the weights that were read, into the last rows of `sums` [.., H].

    adjoints: rows of `sums` that are those of the values, the number of the first of the last rows for zero
    """
    call = library.Call.from_buffer_copy(made.call)  # another thread may go back through the same graph
    row, start, first = sums.shape[1] * sums.element_size(), sums.data_ptr(), len(sums) - once.reductions
    arriving = call.dlast
    for i, adjoint in enumerate(adjoints):
        if adjoint < first:
            arriving[i] = start + adjoint * row
    call.dvectors = start + first * row
    check(once.core.c.recurra_backward(once.program, byref(call)))
