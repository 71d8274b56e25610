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
from recurra.equations.graph import Parameter
from recurra.errors import ShapeError, UsageError

if TYPE_CHECKING:
    from recurra.engines.native.quantised import Packed

_capsule = ctypes.pythonapi.PyCapsule_New
_capsule.restype, _capsule.argtypes = py_object, (c_void_p, c_char_p, c_void_p)

TYPES = {torch.float32: library.F32, torch.float64: library.F64}


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
    once: Sequence[Tensor] | None = None
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
    vectors = list(_vectors(cell, sums, want_weight[matrices:]))
    if sums is not None and cell.form.prologue is not None:
        if inputs.once is None:
            inputs.once = cell.form.prologue.nodes(_of_prologue(cell, weights))
        _add_of_prologue(cell, weights, inputs.once, sums, [*d_matrices, *vectors])
    return [d_x, d_table, *d_state, *d_matrices, *vectors, *projections, *(None for _ in given)]


def _vectors(cell: Compiled, sums: Tensor | None, wanted: Sequence[bool]) -> Iterator[Tensor | None]:
    """Each vector weight's gradient out of the sums [reductions, H]; no two of them share memory."""
    numbers = cell.numbers - (2 if cell.hh_blocks else 1)
    for i, (indices, want) in enumerate(zip(cell.vector_indices, wanted, strict=True)):
        if sums is None or not want:
            yield None
        elif i == numbers and all(place == len(sums) for place in indices):  # the prologue alone reads them
            yield sums.new_zeros(len(indices))
        elif i == numbers:
            sums_of_units = torch.cat([sums.sum(1), sums.new_zeros(1)])
            yield sums_of_units[list(indices)]
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


def _of_prologue(cell: Compiled, weights: Sequence[Tensor]) -> dict[Parameter, Tensor]:
    """The weights that a prologue reads, each [H], or [1] for a single number."""
    size = {number: 1 if number == cell.numbers else cell.units(weights) for _, number, _ in cell.prologue_weights}
    return {
        q: weights[number].detach()[size[number] * block : size[number] * (block + 1)]
        for q, number, block in cell.prologue_weights
    }


def _add_of_prologue(
    cell: Compiled, weights: Sequence[Tensor], once: Sequence[Tensor], sums: Tensor, gradients: Sequence[Tensor | None]
) -> None:
    """What flows through the prologue, onto the gradients of the stored weights, whose parts no others share."""
    assert cell.form.prologue is not None
    adjoints = [
        sums[place : place + 1] if place < cell.reductions else sums.new_zeros(1, sums.shape[1])
        for place in cell.prologue_indices
    ]
    found = cell.form.prologue.gradients(_of_prologue(cell, weights), once, adjoints)
    for q, number, block in cell.prologue_weights:
        to, gradient = gradients[number], found.get(q)
        if to is not None and gradient is not None:
            to.narrow(0, block * len(gradient), len(gradient)).add_(gradient)


def buffer(core: library.Library, size: int) -> Tensor:
    """Bytes from the core's pool, uint8 [size]; they go back with the last tensor that uses them.

    Errors: MemoryError
    """
    managed = core.c.recurra_buffer(size) if size >= 0 else None
    if not managed:
        raise MemoryError(f"no {size} bytes for what a layer keeps for its backward pass")
    found: Tensor = from_dlpack(_capsule(managed, b"dltensor", None))
    return found


def rows(tensor: Tensor) -> Tensor:
    """The numbers one after the other in memory, as they are: a pointer knows nothing of a sign that torch keeps aside,
    nor of zeros that lie nowhere.

    Errors: ShapeError where the memory was given back
    """
    if (  # nearly always; `_is_whole` without a call
        tensor.is_contiguous()
        and tensor.storage_offset() == 0
        and tensor.untyped_storage().nbytes() >= tensor.nbytes
        and not tensor.is_neg()
        and not tensor._is_zerotensor()
    ):
        return tensor
    return plain(tensor).contiguous()


def plain(tensor: Tensor) -> Tensor:
    """The same as `rows`, with the strides as they are."""
    if tensor.storage_offset() == 0 and tensor.is_contiguous() and _is_whole(tensor):
        return tensor
    if tensor.is_neg():
        tensor = tensor.resolve_neg()
    if tensor._is_zerotensor():
        tensor = tensor.clone()
    size = tensor.untyped_storage().nbytes()
    if size < _reach(tensor):
        raise ShapeError(
            f"a tensor {list(tensor.shape)}, {tensor.dtype}, has {size} bytes of memory left: its storage was given "
            "back or made smaller"
        )
    return tensor


def _is_whole(tensor: Tensor) -> bool:
    """Whether all numbers of a contiguous tensor lie in its memory as they are."""
    return tensor.untyped_storage().nbytes() >= tensor.nbytes and not tensor.is_neg() and not tensor._is_zerotensor()


def _reach(tensor: Tensor) -> int:
    """Bytes of a storage up to the last number."""
    if tensor.numel() == 0:
        return 0
    last = sum((n - 1) * stride for n, stride in zip(tensor.shape, tensor.stride(), strict=True))
    return int(tensor.storage_offset() + last + 1) * tensor.element_size()


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
    prologue = cell.form.prologue
    if prologue is not None:
        if inputs.once is None:
            inputs.once = prologue.nodes(_of_prologue(cell, weights))
        values = prologue.values(inputs.once, hidden)
    if any(which == cell.numbers for which, _ in cell.vectors):
        weights[cell.numbers] = weights[cell.numbers].repeat_interleave(hidden)
    if prologue is not None:
        weights.append(torch.cat(values) if len(values) > 1 else values[0].contiguous())
    first, *others = inputs.state
    state = [rows(first)]
    state += [state[0] if s is first else rows(s) for s in others]  # zeros are often one tensor
    call.weight_ih, call.ih_blocks = weights[0].data_ptr(), cell.ih_blocks
    if cell.hh_blocks:
        call.weight_hh, call.hh_blocks = weights[1].data_ptr(), cell.hh_blocks
    starts = [w.data_ptr() for w in weights]
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
        raise UsageError(_lost(f"is no longer plain bytes on the CPU but {given}"))
    held = int(memory.untyped_storage().nbytes()) - int(memory.storage_offset())
    return memory.data_ptr(), min(memory.numel(), held)


def _lost(what: str) -> str:
    return (
        f"what a layer kept for its backward pass {what}; run its forward pass again, and let hooks on saved tensors "
        "give back what they were given"
    )


_REFUSED: dict[int, str] = {
    library.SHORT_MEMORY: _lost("is too short"),
    library.FOREIGN_MEMORY: _lost("was written over or is another cell's"),
    library.OTHER_MEMORY: _lost("is that of a call of other sizes or types, or of another variant of the engine"),
    library.BAD_LENGTHS: "a row's length is below 1 or above T",
    library.BAD_TOKENS: "a token is outside the table; tokens may not change between a forward pass and its backward",
}


def check(code: int) -> None:
    """Errors: MemoryError; UsageError for what changed since it was checked"""
    if code == library.OK:
        return
    if code == library.NO_MEMORY:
        raise MemoryError("no memory for a recurrent layer's work")
    if code in _REFUSED:
        raise UsageError(_REFUSED[code])
    raise AssertionError(f"the native core refused a call that was checked (code {code})")
