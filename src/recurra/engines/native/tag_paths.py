"""How probable rows of tags are, in the compiled core: forward and backward one call each."""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import byref
from typing import Any, NamedTuple

import torch
from torch import Tensor

from recurra.engines.native import forking, library
from recurra.engines.native.refusals import check, lost
from recurra.engines.native.tensors import TYPES, rows
from recurra.engines.watching import are_batched, are_plain, is_transformed
from recurra.errors import UsageError

MOST_TAGS = 1 << 15


class Rows(NamedTuple):
    """What rows of tags are scored by, all of one type on the CPU.

    Shapes: logits [B, T, C]; chosen int64 [B, T], 0 to C-1 within each row; lengths int64 [B], each 1 to T;
            follows [C, C], begins [C], ends [C]
    """

    logits: Tensor
    chosen: Tensor
    lengths: Tensor
    follows: Tensor
    begins: Tensor
    ends: Tensor


def log_probability(given: Rows) -> Tensor | None:
    """Of the chosen tags among all rows of tags of their lengths, in nats: [B]. None where the core cannot say.

    Errors: UsageError for lengths and tags out of range
    """
    if why_not(given) is not None:
        return None
    if not (torch.is_grad_enabled() and any(t.requires_grad for t in given)):
        return _in_core(given, None)[0]
    found: Tensor = _LogProbability.apply(*given)  # type: ignore[no-untyped-call]
    return found


def why_not(given: Rows) -> str | None:
    """None if the core takes these; otherwise the reason."""
    if (missing := library.why_missing()) is not None:
        return missing
    scores = (given.logits, given.follows, given.begins, given.ends)
    if not are_plain(given) or is_transformed(scores):
        return "somebody looks on"
    dtype, shape = given.logits.dtype, given.logits.shape
    if dtype not in TYPES or any(t.dtype != dtype for t in scores) or not all(t.is_cpu for t in given):
        return "it computes in float32 and float64 on a CPU"
    if len(shape) != 3 or not 1 <= shape[2] <= MOST_TAGS or 0 in shape:
        return f"it takes rows of 1 to {MOST_TAGS} tags, got {list(shape)}"
    batch, _, tags = shape
    shapes = (shape[:2], (batch,), (tags, tags), (tags,), (tags,))
    integers = given.chosen.dtype == given.lengths.dtype == torch.int64
    fits = all(t.shape == wanted for t, wanted in zip(given[1:], shapes, strict=True))
    return None if integers and fits else "tags, lengths and scores do not fit"


def _call(logits: torch.Size, dtype: torch.dtype) -> library.PathsCall:
    call = library.PathsCall()
    if forking.pending:
        forking.settle()
    call.type, call.threads = TYPES[dtype], torch.get_num_threads()
    call.batch, call.time, call.tags = logits
    return call


def _in_core(given: Sequence[Tensor], core: library.Library | None) -> tuple[Tensor, Tensor | None]:
    """What forward finds, and what backward in this core reads; None for no core."""
    numbers = [rows(t) for t in given]
    logits, memory = numbers[0], None
    call = _call(logits.shape, logits.dtype)
    for name, tensor in zip(Rows._fields, numbers, strict=True):
        setattr(call, name, tensor.data_ptr())
    found = logits.new_empty(call.batch)
    call.found = found.data_ptr()
    if core is not None:
        call.memory_bytes = core.c.recurra_paths_memory(byref(call))
        memory = torch.empty(call.memory_bytes, dtype=torch.uint8)
        call.memory = memory.data_ptr()
    check((core or library.load()).c.recurra_paths_forward(byref(call)))
    return found, memory


class _LogProbability(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *given: Tensor) -> Tensor:
        core, logits = library.load(), given[0]
        found, memory = _in_core(given, core)
        assert memory is not None
        ctx.save_for_backward(memory)
        ctx.of = core.c, logits.shape, logits.dtype, len(memory)
        return found

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, d_found: Tensor) -> tuple[Tensor | None, ...]:
        (memory,), wanted = ctx.saved_tensors, ctx.needs_input_grad
        if not are_batched((d_found,)):
            return _gradients(ctx.of, memory, d_found, wanted)
        # a batch inside a tensor has no numbers: each row's own gradient, times what arrives
        units = torch.eye(len(d_found), dtype=d_found.dtype)
        found = zip(*[_gradients(ctx.of, memory, unit, wanted) for unit in units], strict=True)
        return tuple(
            None if each[0] is None else sum(d * unit for d, unit in zip(d_found.unbind(0), each, strict=True))
            for each in found
        )


def _gradients(of: Any, memory: Tensor, d_found: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
    """Of what `Rows` holds, each None where it is not wanted. of: what forward noted"""
    core, shape, dtype, size = of
    if memory.dtype != torch.uint8 or memory.shape != (size,):
        raise UsageError(lost("is of another shape or type now"))
    call, memory, d_found = _call(shape, dtype), rows(memory), rows(d_found)
    call.memory, call.memory_bytes, call.weights = memory.data_ptr(), size, d_found.data_ptr()
    batch, time, tags = shape
    shapes = {"logits": (batch, time, tags), "follows": (tags, tags), "begins": (tags,), "ends": (tags,)}
    found: list[Tensor | None] = []
    for name, want in zip(Rows._fields, wanted, strict=True):
        gradient = torch.empty(shapes[name], dtype=dtype) if want else None
        if gradient is not None:
            setattr(call, f"d_{name}", gradient.data_ptr())
        found.append(gradient)
    check(core.recurra_paths_backward(byref(call)))
    return tuple(found)
