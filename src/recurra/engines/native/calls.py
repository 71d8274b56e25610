"""Calls of the core: tensors in, tensors out. Everything was checked before; what the core refuses is a bug."""

from __future__ import annotations

from ctypes import byref, memmove
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from recurra.engines.native import forking, library, packing
from recurra.engines.native.compiled import Compiled
from recurra.engines.native.once import Made, make
from recurra.engines.native.pool import buffer, sequences
from recurra.engines.native.refusals import check, lost
from recurra.engines.native.tensors import TYPES, plain, rows, zeros
from recurra.errors import UsageError

if TYPE_CHECKING:
    from recurra.engines.native.quantised import Packed


@dataclass(slots=True)
class Inputs:
    """What a layer computes from, all of one type on the CPU.

    Shapes: x [B, T, I], or tokens int64 [B, T] with table [V, I]; lengths int64 [B] or None; state each [B, H], [B, N]
    for a projected one; weights in the order of `Compiled.stored`, then what a step is given, [B, T, H] or [B, T, N];
    bf16: products of bfloat16; once: what forward computed of weights of units alone, which backward reads again;
    packed: the matrices, then int8, as products in 8 bits want them; stacked: last states are made
    as [1, B, H] each; widths: of the states where they are zeros, which then are not there
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
    stacked: bool = False
    widths: tuple[int, ...] = ()

    @property
    def sizes(self) -> tuple[int, int, int]:
        """B, T and the width of the outputs."""
        return self.x.shape[0], self.x.shape[1], self.widths[0] if self.widths else self.state[0].shape[1]

    @property
    def like(self) -> Tensor:
        """One of the type that is computed in."""
        return self.state[0] if self.state else self.weights[0]

    def with_states(self) -> Inputs:
        """The same with zeros as tensors."""
        if not self.widths:
            return self
        state = tuple([self.like.new_zeros(self.x.shape[0], width) for width in self.widths])
        return replace(self, state=state, widths=())


def forward(cell: Compiled, inputs: Inputs, *, memory: bool | Tensor) -> tuple[Tensor, list[Tensor], Tensor | None]:
    """Outputs [B, T, H], last states, and what backward needs; None without `memory`, that tensor if it is one."""
    y = outputs(cell, inputs, inputs.sizes[2])
    last, kept, call, alive = _forward_call(cell, inputs, memory, y)
    if call is not None:
        check(cell.library.c.recurra_forward(cell.infer if memory is False else cell.train, byref(call)))
    del alive
    return y, last, kept


def forward_both(
    cell: Compiled, first: Inputs, second: Inputs, *, memory: bool
) -> tuple[Tensor, list[Tensor], list[Tensor | None]]:
    """Two directions over the same x in one call.

    Outputs side by side [B, T, 2H], last states of the one and the other, and what backward needs of each.
    """
    width = first.sizes[2]
    y = outputs(cell, first, 2 * width)
    last, kept, call, alive = _forward_call(cell, first, memory, y)
    other_last, other_kept, other, also_alive = _forward_call(cell, second, memory, y, width)
    if call is not None and other is not None:
        program = cell.train if memory else cell.infer
        check(cell.library.c.recurra_forward_both(program, byref(call), byref(other)))
    del alive, also_alive
    return y, [*last, *other_last], [kept, other_kept]


def _forward_call(
    cell: Compiled, inputs: Inputs, memory: bool | Tensor, y: Tensor, column: int = 0
) -> tuple[list[Tensor], Tensor | None, library.Call | None, list[Any]]:
    """What a forward pass writes beside y, the call for it, None where there are no rows, and what has to stay alive.

    column: of y's last axis, where the outputs begin
    """
    batch, like = inputs.x.shape[0], inputs.like
    lead = (1,) if inputs.stacked else ()
    widths = inputs.widths or [s.shape[1] for s in inputs.state]
    last = [like.new_empty(*lead, batch, width) for width in widths]  # a shape as a whole takes twice as long
    train = memory is not False
    kept: Tensor | None = memory if isinstance(memory, Tensor) else None
    if batch == 0:
        return last, (like.new_empty(0) if kept is None else kept) if train else None, None, []
    call, alive = call_of(cell, inputs)
    if train:
        if kept is None:
            kept = buffer(cell.library, cell.library.c.recurra_memory(cell.train, byref(call)))
            call.memory, call.memory_bytes = kept.data_ptr(), kept.shape[0]
        else:
            call.memory, call.memory_bytes = room(kept)
    at, strides = y.data_ptr() + column * y.element_size(), y.stride()
    packing.ROWS(call, packing.Y_AT, at, strides[0], strides[1])
    packing.ADDRESSES[len(last)](call, packing.LAST_AT, *[tensor.data_ptr() for tensor in last])
    return last, kept, call, alive


def of_units(cell: Compiled, weights: list[Tensor], units: int) -> list[Tensor]:
    """The same with the single numbers once for each unit; copied without torch, as what `gradients` gathers is."""
    if cell.numbers >= 0:
        numbers = weights[cell.numbers]
        spread = numbers.new_empty(len(numbers), units)
        item, to, source = numbers.element_size(), spread.data_ptr(), numbers.data_ptr()
        size = units * item
        for start in range(0, len(numbers) * size, size):
            memmove(to + start, source, item)
            source, there = source + item, item
            while there < size:
                memmove(to + start + there, to + start, min(there, size - there))
                there *= 2
        weights[cell.numbers] = spread
    return weights


def fill(cell: Compiled, inputs: Inputs, call: library.Call) -> list[Any]:
    """Sizes, weights and states into a call; what has to stay alive until it is over."""
    like, own = inputs.like, len(cell.stored)
    products = library.BF16 if inputs.bf16 else library.AS_STORED
    if inputs.packed is not None:
        products, call.packed = library.INT8, inputs.packed.handle
    if forking.pending:
        forking.settle()
    weights = [rows(w) for w in inputs.weights[:own]]
    rows_ih, width = weights[0].shape
    hidden = projected = rows_ih // cell.ih_blocks
    batch, time = inputs.x.shape[:2]
    if inputs.state:
        batch = like.shape[0]
    heads = hidden // weights[1].shape[1] if cell.hh_blocks and not cell.hr_blocks else 1
    starts = [w.data_ptr() for w in weights]
    weight_hh, weight_hr = starts[1] if cell.hh_blocks else 0, 0
    if cell.hr_blocks:
        weight_hr, projected = starts[-1], weights[-1].shape[0] // cell.hr_blocks
    threads = torch.get_num_threads()
    sizes = (batch, time, width, hidden, projected, heads)
    packing.SIZES(call, packing.SIZES_AT, TYPES[like.dtype], products, threads, inputs.reverse, *sizes)
    if cell.reads_numbers or (cell.once is not None and inputs.once is None):
        weights = of_units(cell, weights, hidden)
        starts = [w.data_ptr() for w in weights]
    if cell.once is not None and inputs.once is None:
        inputs.once = make(cell.once, weights, like, hidden)
    if inputs.once is not None:
        starts.append(inputs.once.at)
    blocks = (cell.ih_blocks, cell.hh_blocks, cell.hr_blocks)
    packing.WEIGHTS(call, packing.WEIGHTS_AT, starts[0], weight_hh, weight_hr, *blocks)
    block = hidden * like.element_size()
    vectors = [starts[which] + number * block for which, number in cell.vectors]
    packing.ADDRESSES[len(vectors)](call, packing.VECTORS_AT, *vectors)
    alive: list[Any] = weights
    if inputs.widths:
        held, at = zeros(batch * max(inputs.widths) * like.element_size())
        alive.append(held)
        states = [at] * len(inputs.widths)
    else:
        state = [rows(s) for s in inputs.state]
        alive += state
        states = [s.data_ptr() for s in state]
    packing.ADDRESSES[len(states)](call, packing.STATE_AT, *states)
    given = inputs.weights[own:]
    if given:
        given = tuple([_padded(g, hidden) for g in given])
        alive += given
        for i, tensor in enumerate(given):
            call.given[i] = tensor.data_ptr()
    return alive


def _padded(tensor: Tensor, width: int) -> Tensor:
    """Rows of so many numbers; the core reads no further than a narrow value's own."""
    missing = width - tensor.shape[-1]
    return rows(functional.pad(tensor, (0, missing)) if missing else tensor)


def call_of(cell: Compiled, inputs: Inputs) -> tuple[library.Call, list[Any]]:
    call = library.Call()
    alive = fill(cell, inputs, call)
    x, table, lengths = plain(inputs.x), inputs.table, inputs.lengths
    alive.append(x)
    starts = 0
    if lengths is not None:
        lengths = rows(lengths)
        alive.append(lengths)
        starts = lengths.data_ptr()
    if table is None:
        batch, time, last = x.stride()
        if last != 1 and x.shape[2] > 1:
            x = x.contiguous()
            alive.append(x)
            batch, time, _ = x.stride()
        packing.INPUT(call, packing.INPUT_AT, x.data_ptr(), batch, time, 0, 0, 0, 0, 0, starts)
    else:
        table = rows(table)
        alive.append(table)
        at, count = table.data_ptr(), table.shape[0]
        packing.INPUT(call, packing.INPUT_AT, 0, 0, 0, x.data_ptr(), *x.stride(), at, count, starts)
    return call, alive


def outputs(cell: Compiled, inputs: Inputs, width: int) -> Tensor:
    """[B, T, width], with time first in memory where the input has it so; never a view, which autograd would not let
    anybody change in place.
    """
    x = inputs.x
    batch, time = x.shape[:2]
    time_first = batch > 1 and x.stride(0) < x.stride(1)
    return sequences(cell.library, inputs.like, batch, time, width, time_first=time_first)


def room(memory: Tensor) -> tuple[int, int]:
    """Address and bytes of a memory, which may have been in other hands: the core checks what it holds."""
    if memory.dtype != torch.uint8 or not memory.is_cpu or not memory.is_contiguous():
        given = f"{memory.dtype} {list(memory.shape)} on {memory.device}"
        raise UsageError(lost(f"is no longer plain bytes on the CPU but {given}"))
    held = int(memory.untyped_storage().nbytes()) - int(memory.storage_offset())
    return memory.data_ptr(), min(memory.numel(), held)
