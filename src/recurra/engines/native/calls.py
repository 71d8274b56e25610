"""Calls of the core: tensors in, tensors out. Everything was checked before; what the core refuses is a bug."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from ctypes import byref, c_char_p, c_void_p, py_object
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.dlpack import from_dlpack

from recurra.engines.native import forking, library
from recurra.engines.native.compiled import Compiled
from recurra.engines.native.once import Made, add_up, make
from recurra.engines.native.refusals import check, lost
from recurra.engines.native.tensors import TYPES, plain, rows
from recurra.errors import UsageError

if TYPE_CHECKING:
    from recurra.engines.native.quantised import Packed

_capsule = ctypes.pythonapi.PyCapsule_New
_capsule.restype, _capsule.argtypes = py_object, (c_void_p, c_char_p, c_void_p)


@dataclass(slots=True)
class Inputs:
    """What a layer computes from, all of one type on the CPU.

    Shapes: x [B, T, I], or tokens int64 [B, T] with table [V, I]; lengths int64 [B] or None; state each [B, H], [B, N]
    for a projected one; weights in the order of `Compiled.stored`, then what a step is given, [B, T, H] or [B, T, N];
    bf16: products of bfloat16; once: what forward computed of weights of units alone, which backward reads again;
    packed: the matrices, then int8, as products in 8 bits want them
    """

    x: Tensor
    table: Tensor | None
    lengths: Tensor | None
    state: tuple[Tensor, ...]
    weights: tuple[Tensor, ...]
    reverse: bool
    bf16: bool
    once: Made | None = None
    packed: Packed | None = None

    @property
    def sizes(self) -> tuple[int, int, int]:
        """B, T and the width of the outputs."""
        return self.x.shape[0], self.x.shape[1], self.state[0].shape[1]


def forward(
    cell: Compiled, inputs: Inputs, *, memory: bool | Tensor, y: Tensor | None = None
) -> tuple[Tensor, list[Tensor], Tensor | None]:
    """Outputs [B, T, H], last states, and what backward needs; None without `memory`, that tensor if it is one.

    y: where the outputs go, a part of `outputs`
    """
    batch, like = inputs.x.shape[0], inputs.state[0]
    if y is None:
        y = outputs(inputs, inputs.state[0].shape[1])
    last = [like.new_empty(batch, s.shape[1]) for s in inputs.state]  # a shape as a whole takes twice as long
    train = memory is not False
    kept: Tensor | None = memory if isinstance(memory, Tensor) else None
    if batch == 0:
        return y, last, (like.new_empty(0) if kept is None else kept) if train else None
    call, alive = _call(cell, inputs)
    c = cell.library.c
    if train:
        if kept is None:
            kept = buffer(cell.library, c.recurra_memory(cell.train, byref(call)))
        call.memory, call.memory_bytes = _room(kept)
    call.y, call.y_batch, call.y_time = y.data_ptr(), y.stride(0), y.stride(1)
    lasts = call.last
    for i, tensor in enumerate(last):
        lasts[i] = tensor.data_ptr()
    check(c.recurra_forward(cell.train if train else cell.infer, byref(call)))
    del alive
    return y, last, kept


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
    batch, time, width = inputs.sizes
    weights, given = inputs.weights[: len(cell.stored)], inputs.weights[len(cell.stored) :]
    like = weights[0]
    states, matrices = len(inputs.state), 2 if cell.hh_blocks else 1
    want_state, want_weight = wanted[2 : 2 + states], list(wanted[2 + states : len(wanted) - len(given)])
    projections = [like.new_empty(weights[-1].shape) if want_weight.pop() else None] if cell.hr_blocks else []
    table = inputs.table
    d_x = like.new_empty(batch, time, like.shape[1]) if wanted[0] and table is None else None
    d_table = like.new_empty(table.shape) if wanted[1] and table is not None else None
    d_state = [
        like.new_empty(batch, s.shape[1]) if want else None for s, want in zip(inputs.state, want_state, strict=True)
    ]
    pairs = zip(weights[:matrices], want_weight[:matrices], strict=True)
    d_matrices = [like.new_empty(w.shape) if want else None for w, want in pairs]  # rows, however the weight lies
    sums = like.new_empty(cell.reductions, cell.units(weights)) if any(want_weight[matrices:]) else None
    if batch == 0:
        for tensor in (*d_matrices, *projections, sums, d_table):
            if tensor is not None:
                tensor.zero_()
    else:
        call, alive = _call(cell, inputs)
        call.memory, call.memory_bytes = _room(memory)
        if d_y is not None:
            d_y = plain(d_y)
            if d_y.stride(2) != 1 and width > 1:
                d_y = d_y.contiguous()
            call.dy, call.dy_batch, call.dy_time = d_y.data_ptr(), d_y.stride(0), d_y.stride(1)
        for i, tensor in enumerate(d_last):
            if tensor is not None:
                tensor = rows(tensor)
                alive.append(tensor)
                call.dlast[i] = tensor.data_ptr()
        for i, tensor in enumerate(d_state):
            if tensor is not None:
                call.dstate[i] = tensor.data_ptr()
        if d_x is not None:
            call.dx = d_x.data_ptr()
        if d_table is not None:
            call.dtable = d_table.data_ptr()
        if d_matrices[0] is not None:
            call.dweight_ih = d_matrices[0].data_ptr()
        if matrices == 2 and d_matrices[1] is not None:
            call.dweight_hh = d_matrices[1].data_ptr()
        for tensor in projections:
            if tensor is not None:
                call.dweight_hr = tensor.data_ptr()
        if sums is not None:
            call.dvectors = sums.data_ptr()
        check(cell.library.c.recurra_backward(cell.train, byref(call)))
        del alive
    if sums is not None and cell.once is not None:
        if inputs.once is None:
            units = cell.units(weights)
            inputs.once = make(cell.once, _of_units(cell, [rows(w) for w in weights], units), inputs.state[0], units)
        add_up(cell.once, inputs.once, sums, cell.value_sums)
    vectors = list(_vectors(cell, sums, want_weight[matrices:]))
    if sums is not None:
        for number, block, place in cell.read_twice:
            if (to := [*d_matrices, *vectors][number]) is not None:
                one = sums[place].sum().reshape(1) if number == cell.numbers else sums[place]
                to.narrow(0, block * len(one), len(one)).add_(one)
    return [d_x, d_table, *d_state, *d_matrices, *vectors, *projections, *(None for _ in given)]


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


def _of_units(cell: Compiled, weights: list[Tensor], units: int) -> list[Tensor]:
    """The same with the single numbers once for each unit."""
    if cell.numbers >= 0:
        numbers = weights[cell.numbers].detach()
        weights[cell.numbers] = numbers.unsqueeze(1).expand(-1, units).contiguous()
    return weights


def buffer(core: library.Library, size: int) -> Tensor:
    """Bytes from the core's pool, uint8 [size]; they go back with the last tensor that uses them.

    Errors: MemoryError
    """
    managed = core.c.recurra_buffer(size) if size >= 0 else None
    if not managed:
        raise MemoryError(f"no {size} bytes for what a layer keeps for its backward pass")
    found: Tensor = from_dlpack(_capsule(managed, b"dltensor", None))
    return found


def fill(cell: Compiled, inputs: Inputs, call: library.Call) -> list[Tensor]:
    """Weights and states into a call; the tensors that have to stay alive until it is over."""
    call.type = TYPES[inputs.state[0].dtype]
    call.products = library.BF16 if inputs.bf16 else library.AS_STORED
    if inputs.packed is not None:
        call.products, call.packed = library.INT8, inputs.packed.handle
    forking.settle()
    call.threads = torch.get_num_threads()
    own = len(cell.stored)
    weights = [rows(w) for w in inputs.weights[:own]]
    rows_ih, width = weights[0].shape
    hidden = rows_ih // cell.ih_blocks
    given = [_padded(g, hidden) for g in inputs.weights[own:]]
    for i, tensor in enumerate(given):
        call.given[i] = tensor.data_ptr()
    call.batch, call.hidden, call.projected, call.inputs = inputs.state[0].shape[0], hidden, hidden, width
    call.heads = hidden // weights[1].shape[1] if cell.hh_blocks and not cell.hr_blocks else 1
    if cell.hr_blocks:
        call.weight_hr, call.hr_blocks = weights[-1].data_ptr(), cell.hr_blocks
        call.projected = weights[-1].shape[0] // cell.hr_blocks
    if cell.reads_numbers or (cell.once is not None and inputs.once is None):
        weights = _of_units(cell, weights, hidden)
    if cell.once is not None and inputs.once is None:
        inputs.once = make(cell.once, weights, inputs.state[0], hidden)
    first, *others = inputs.state
    state = [rows(first)]
    state += [state[0] if s is first else rows(s) for s in others]  # zeros are often one tensor
    call.weight_ih, call.ih_blocks = weights[0].data_ptr(), cell.ih_blocks
    if cell.hh_blocks:
        call.weight_hh, call.hh_blocks = weights[1].data_ptr(), cell.hh_blocks
    starts = [w.data_ptr() for w in weights]
    if inputs.once is not None:
        starts.append(inputs.once.at)
    block = hidden * state[0].element_size()
    # the arrays of a structure are made anew each time that they are asked for
    vectors, states = call.vectors, call.state
    for i, (which, number) in enumerate(cell.vectors):
        vectors[i] = starts[which] + number * block
    for i, tensor in enumerate(state):
        states[i] = tensor.data_ptr()
    return [*weights, *state, *given]


def _padded(tensor: Tensor, width: int) -> Tensor:
    """Rows of so many numbers; the core reads no further than a narrow value's own."""
    missing = width - tensor.shape[-1]
    return rows(functional.pad(tensor, (0, missing)) if missing else tensor)


def _call(cell: Compiled, inputs: Inputs) -> tuple[library.Call, list[Any]]:
    call = library.Call()
    alive: list[Any] = fill(cell, inputs, call)
    x, table = plain(inputs.x), inputs.table
    call.reverse = int(inputs.reverse)
    call.time = x.shape[1]
    if table is None:
        if x.stride(2) != 1 and x.shape[2] > 1:
            x = x.contiguous()
        call.x, call.x_batch, call.x_time = x.data_ptr(), x.stride(0), x.stride(1)
    else:
        table = rows(table)
        call.tokens, call.tokens_batch, call.tokens_time = x.data_ptr(), x.stride(0), x.stride(1)
        call.table, call.vocabulary = table.data_ptr(), table.shape[0]
    lengths = inputs.lengths
    if lengths is not None:
        lengths = rows(lengths)
        call.lengths = lengths.data_ptr()
    alive += [x, table, lengths]
    return call, alive


def outputs(inputs: Inputs, width: int) -> Tensor:
    """[B, T, width], with time first in memory where the input has it so; never a view, which autograd would not let
    anybody change in place.
    """
    x, like = inputs.x, inputs.state[0]
    batch, time = x.shape[:2]
    if batch > 1 and x.stride(0) < x.stride(1):
        return like.new_empty_strided((batch, time, width), (width, batch * width, 1))
    return like.new_empty(batch, time, width)


def _room(memory: Tensor) -> tuple[int, int]:
    """Address and bytes of a memory, which may have been in other hands: the core checks what it holds."""
    if memory.dtype != torch.uint8 or memory.device.type != "cpu" or not memory.is_contiguous():
        given = f"{memory.dtype} {list(memory.shape)} on {memory.device}"
        raise UsageError(lost(f"is no longer plain bytes on the CPU but {given}"))
    held = int(memory.untyped_storage().nbytes()) - int(memory.storage_offset())
    return memory.data_ptr(), min(memory.numel(), held)
