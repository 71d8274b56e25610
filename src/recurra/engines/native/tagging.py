"""The loss of rows of tags straight from a layer's outputs, in the compiled core: forward and backward one call each.

Dropout, the output layer and how probable the rows are, which one by one take longer to start than to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import byref
from typing import Any, NamedTuple

import torch
from torch import Tensor

from recurra.engines.native import forking, library
from recurra.engines.native.draws import Draws
from recurra.engines.native.pool import buffer, sequences
from recurra.engines.native.refusals import check, lost
from recurra.engines.native.tensors import TYPES, rows, vectors
from recurra.engines.watching import are_batched, are_plain, is_transformed
from recurra.errors import UsageError

MOST_WEIGHTS = 1 << 18
"""Of an output layer: a larger one takes torch's products, which are made for it."""
MOST_OUTPUTS = (1 << 31) - 1
LEARNING = ("y", "weight", "bias", "follows", "begins", "ends")


class Given(NamedTuple):
    """What is read, all of one type on the CPU.

    Shapes: y [B, T, W]; weight [C, W]; bias [C]; follows [C, C]; begins [C]; ends [C]; lengths int64 [B], each 1 to T;
            chosen int64 [B, T], 0 to C-1 within each row; draws of [B, T, W]
    """

    y: Tensor
    weight: Tensor
    bias: Tensor | None
    follows: Tensor
    begins: Tensor
    ends: Tensor
    lengths: Tensor
    chosen: Tensor
    draws: Draws | None = None

    def numbers(self) -> tuple[Tensor | None, ...]:
        """Those that have a gradient."""
        return self[:6]


def why_not(given: Given) -> str | None:
    """None if the core takes these; otherwise the reason."""
    if (missing := library.why_missing()) is not None:
        return missing
    numbers = [t for t in given.numbers() if t is not None]
    if not are_plain((*numbers, given.lengths, given.chosen)) or is_transformed(numbers):
        return "somebody looks on"
    y, weight = given.y, given.weight
    dtype, whole = y.dtype, (given.lengths, given.chosen)
    if dtype not in TYPES or any(t.dtype != dtype for t in numbers) or not all(t.is_cpu for t in (*numbers, *whole)):
        return "it computes in float32 and float64 on a CPU"
    if y.dim() != 3 or not 0 < y.numel() <= MOST_OUTPUTS or weight.dim() != 2 or not 0 < weight.numel() <= MOST_WEIGHTS:
        return (
            f"it takes outputs [B, T, W] and up to {MOST_WEIGHTS:,} weights, got {list(y.shape)}, {list(weight.shape)}"
        )
    (batch, time, width), tags = y.shape, weight.shape[0]
    shapes = ((tags, width), (tags,), (tags, tags), (tags,), (tags,))
    pairs = zip(given.numbers()[1:], shapes, strict=True)
    fits = (
        all(t is None or t.shape == wanted for t, wanted in pairs) and whole[0].dtype == whole[1].dtype == torch.int64
    )
    if not fits or whole[0].shape != (batch,) or whole[1].shape != (batch, time):
        return "outputs, weights, lengths and tags do not fit"
    return None


def tag_loss(given: Given) -> Tensor | None:
    """Mean negative log-probability per token, in nats, of what `why_not` has nothing against. Shapes: -> one number

    None where a row has a tag that is none. Errors: UsageError for lengths out of range
    """
    learning = torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in given.numbers())
    core = library.load()
    code, found, memory = _in_core(core, given, learning=learning)
    if code == library.BAD_TOKENS:
        return None
    check(code)
    if memory is None:
        return found
    words, scales = (None, None) if given.draws is None else (given.draws.words, given.draws[1:])
    learned: Tensor = _apply((core, scales, found, memory), words, *given.numbers())  # type: ignore[no-untyped-call]
    return learned


def _in_core(core: library.Library, given: Given, *, learning: bool) -> tuple[int, Tensor, Tensor | None]:
    """What the core answers, the loss and, where something learns, what backward reads."""
    y, found = vectors(given.y.detach()), given.y.new_empty(())
    call, alive = _call((*y.shape, len(given.weight)), y.dtype, given.draws)
    call.y, call.y_batch, call.y_time = y.data_ptr(), y.stride(0), y.stride(1)
    for name, tensor in zip(Given._fields[1:8], given[1:8], strict=True):
        if isinstance(tensor, Tensor):
            held = rows(tensor)
            setattr(call, name, held.data_ptr())
            alive.append(held)
    call.loss, memory = found.data_ptr(), None
    if learning:
        call.memory_bytes = size = core.c.recurra_tagging_memory(byref(call))
        memory = buffer(core, size)
        call.memory = memory.data_ptr()
    code: int = core.c.recurra_tagging_forward(byref(call))
    del alive
    return code, found, memory


def _call(sizes: Sequence[int], dtype: torch.dtype, draws: Draws | None) -> tuple[library.TaggingCall, list[Any]]:
    """With sizes and draws, and what has to stay alive until it is over."""
    if forking.pending:
        forking.settle()
    call, alive = library.TaggingCall(), list[Any]()
    call.type, call.threads = TYPES[dtype], torch.get_num_threads()
    call.batch, call.time, call.width, call.tags = sizes
    if draws is not None:
        words = rows(draws.words)
        alive.append(words)
        call.words, (call.bits, call.edge, call.scale) = words.data_ptr(), draws[1:]
    return call, alive


class _Loss(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, done: tuple[Any, ...], words: Tensor | None, *numbers: Tensor | None) -> Tensor:
        core, scales, found, memory = done
        y, weight = numbers[:2]
        assert y is not None
        assert weight is not None
        ctx.save_for_backward(memory, words)
        ctx.of = core, scales, y.dtype, (*y.shape, len(weight)), _forms((memory, words))
        assert isinstance(found, Tensor)
        return found

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, d_loss: Tensor) -> tuple[Tensor | None, ...]:
        (memory, words), wanted = ctx.saved_tensors, ctx.needs_input_grad[2:]
        core, scales, dtype, sizes, forms = ctx.of
        if _forms((memory, words)) != forms:
            raise UsageError(lost("is of another shape or type now"))
        batched = are_batched((d_loss,)) or is_transformed((d_loss,))
        arriving = torch.ones((), dtype=dtype) if batched else rows(d_loss)
        call, alive = _call(sizes, dtype, None if scales is None else Draws(words, *scales))
        memory = rows(memory)
        call.memory, call.memory_bytes, call.d_loss = memory.data_ptr(), len(memory), arriving.data_ptr()
        *outputs, tags = sizes
        found = [sequences(core, memory.new_empty(0, dtype=dtype), *outputs) if wanted[0] else None]
        shapes = ((tags, outputs[2]), (tags,), (tags, tags), (tags,), (tags,))
        found += [torch.empty(s, dtype=dtype) if want else None for s, want in zip(shapes, wanted[1:], strict=True)]
        for name, gradient in zip(LEARNING, found, strict=True):
            if gradient is not None:
                setattr(call, f"d_{name}", gradient.data_ptr())
        call.d_y_batch, call.d_y_time = outputs[1] * outputs[2], outputs[2]
        check(core.c.recurra_tagging_backward(byref(call)))
        del alive
        if batched:  # a batch inside a tensor has no numbers
            found = [None if g is None else g * d_loss for g in found]
        return (None, None, *found)


_apply = super(torch.autograd.Function, _Loss).apply  # what Function's own does before is for torch.func's transforms


def _forms(tensors: tuple[Tensor | None, ...]) -> list[tuple[torch.Size, torch.dtype] | None]:
    return [None if t is None else (t.shape, t.dtype) for t in tensors]
