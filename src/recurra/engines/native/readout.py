"""The loss of a class for each row of a layer's outputs, in the compiled core: forward and backward one call each.

Pooling over time, dropout, the output layer and the cross-entropy of what it says, which one by one take longer to
start than to do.
"""

from __future__ import annotations

from ctypes import byref
from struct import Struct
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from recurra.engines.native import forking, library
from recurra.engines.native.draws import Draws
from recurra.engines.native.refusals import check, lost
from recurra.engines.native.tensors import TYPES, rows, vectors
from recurra.engines.watching import are_batched, are_plain, is_transformed
from recurra.errors import UsageError

LAST, MEAN, HIGHEST = 1, 2, 4
MOST_WEIGHTS = 1 << 18
"""Of an output layer: a larger one takes torch's products, which are made for it."""

_PACK = Struct("4i4qP2q2Piqd4Pd2Pq2P2q2P").pack_into


class How(NamedTuple):
    """parts: LAST | MEAN | HIGHEST, what of the outputs is looked at, side by side in this order; directions: 2 where
    the second half of the outputs is read in reverse, so that its last one is at step 0; smoothing: of the labels
    """

    parts: int
    directions: int
    smoothing: float = 0.0

    @property
    def pieces(self) -> int:
        """How many parts there are."""
        return self.parts.bit_count()


class Given(NamedTuple):
    """What is read, all of one type on the CPU.

    Shapes: y [B, T, W]; weight [C, P*W] of P parts; bias [C]; lengths int64 [B], each 1 to T; targets int64 [B], each 0
            to C-1; shift [C], added to the logits; draws of [B, P*W]
    """

    y: Tensor
    weight: Tensor
    bias: Tensor | None
    lengths: Tensor
    targets: Tensor
    shift: Tensor | None = None
    draws: Draws | None = None

    def tensors(self) -> list[Tensor]:
        """Those that are there, without the draws."""
        return [t for t in self[:-1] if isinstance(t, Tensor)]


def why_not(given: Given, how: How) -> str | None:
    """None if the core takes these; otherwise the reason."""
    if (missing := library.why_missing()) is not None:
        return missing
    y, weight, tensors = given.y, given.weight, given.tensors()
    if not are_plain(tensors) or is_transformed((y, weight)):
        return "somebody looks on"
    dtype, whole = y.dtype, (given.lengths, given.targets)
    if dtype not in TYPES or not all(
        t.is_cpu and (t.dtype == dtype or t is whole[0] or t is whole[1]) for t in tensors
    ):
        return "it computes in float32 and float64 on a CPU"
    if y.dim() != 3 or 0 in y.shape or weight.dim() != 2 or weight.numel() > MOST_WEIGHTS or not weight.numel():
        return (
            f"it takes outputs [B, T, W] and up to {MOST_WEIGHTS:,} weights, got {list(y.shape)}, {list(weight.shape)}"
        )
    batch, classes = (y.shape[0],), (weight.shape[0],)
    fits = weight.shape[1] == how.pieces * y.shape[2] and whole[0].dtype == whole[1].dtype == torch.int64
    fits = fits and whole[0].shape == whole[1].shape == batch and y.shape[2] % how.directions == 0
    if not fits or any(t is not None and t.shape != classes for t in (given.bias, given.shift)):
        return "outputs, weights, lengths and targets do not fit"
    return None


def class_loss(given: Given, how: How) -> Tensor:
    """Mean cross-entropy, in nats, of what `why_not` has nothing against. Shapes: -> a single number

    Errors: UsageError for lengths and targets out of range
    """
    learning = torch.is_grad_enabled() and True in [t.requires_grad for t in given.tensors()]
    if not learning:
        return _in_core(library.load(), given, how, learning=False)[0]
    words = None if given.draws is None else given.draws.words
    found: Tensor = _apply(how, given, given.y, given.weight, given.bias, given.shift, words)  # type: ignore[no-untyped-call]
    return found


def by_torch(given: Given, how: How) -> Tensor:
    """The same by torch's operations."""
    y, lengths = given.y, given.lengths
    past = torch.arange(y.shape[1]) >= lengths.unsqueeze(1)
    inside = y.masked_fill(past.unsqueeze(2), 0.0)
    found = []
    if how.parts & LAST:
        own = y.shape[2] // how.directions
        found.append(y[torch.arange(len(y)), lengths - 1, :own])
        found += [y[:, 0, own:]] * (how.directions - 1)
    if how.parts & MEAN:
        found.append(inside.sum(1) / lengths.unsqueeze(1))
    if how.parts & HIGHEST:
        found.append(y.masked_fill(past.unsqueeze(2), float("-inf")).amax(1))
    seen = torch.cat(found, -1)
    if given.draws is not None:
        seen = seen * given.draws.factors(seen.shape, seen)
    logits = functional.linear(seen, given.weight, given.bias)
    logits = logits if given.shift is None else logits + given.shift
    return functional.cross_entropy(logits, given.targets, label_smoothing=how.smoothing)


def _in_core(core: library.Library, given: Given, how: How, *, learning: bool) -> tuple[Tensor, Tensor | None]:
    """The loss and, where something learns, what backward reads."""
    y, lengths, targets, weight = vectors(given.y), rows(given.lengths), rows(given.targets), rows(given.weight)
    bias, shift = (None if t is None else rows(t) for t in (given.bias, given.shift))
    found = y.new_empty(())
    at = (weight.data_ptr(), 0 if bias is None else bias.data_ptr(), 0 if shift is None else shift.data_ptr())
    call, alive = _call(
        y, len(weight), how, given.draws, lengths.data_ptr(), (*at, targets.data_ptr()), found.data_ptr()
    )
    memory = None
    if learning:
        call.memory_bytes = size = core.c.recurra_readout_memory(byref(call))
        memory = torch.empty(size, dtype=torch.uint8)
        call.memory = memory.data_ptr()
    check(core.c.recurra_readout_forward(byref(call)))
    del alive
    return found, memory


def _call(
    y: Tensor,
    classes: int,
    how: How,
    draws: Draws | None,
    lengths: int = 0,
    heads: tuple[int, ...] = (0,) * 4,
    loss: int = 0,
) -> tuple[library.ReadoutCall, Any]:
    """lengths, heads, loss: addresses, heads those of weight, bias, shift and targets"""
    if forking.pending:
        forking.settle()
    call, words = library.ReadoutCall(), None if draws is None else rows(draws.words)
    bits, edge, scale = (0, 0, 1.0) if draws is None else draws[1:]
    sizes = (TYPES[y.dtype], torch.get_num_threads(), how.parts, how.directions, *y.shape, classes)
    outputs = (y.data_ptr(), y.stride(0), y.stride(1), lengths)
    left_out = (0 if words is None else words.data_ptr(), bits, edge, scale)
    _PACK(call, 0, *sizes, *outputs, *left_out, *heads, how.smoothing, loss, 0, 0, 0, 0, 0, 0, 0, 0)
    return call, words


class _Loss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        how: How,
        given: Given,
        y: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        shift: Tensor | None,
        words: Tensor | None,
    ) -> Tensor:
        core = library.load()
        found, memory = _in_core(core, given, how, learning=True)
        ctx.save_for_backward(memory, y, words, weight, bias, shift, given.lengths, given.targets)
        scales = None if given.draws is None else given.draws[1:]
        ctx.of = core, how, scales, _forms((memory, y, words))
        return found

    @staticmethod
    def backward(ctx: Any, d_loss: Tensor) -> tuple[Tensor | None, ...]:
        (memory, y, words, weight, bias, shift, lengths, targets), wanted = ctx.saved_tensors, ctx.needs_input_grad[2:6]
        core, how, scales, forms = ctx.of
        draws = None if scales is None else Draws(words, *scales)
        if torch.is_grad_enabled():  # somebody wants second derivatives
            given = Given(y, weight, bias, lengths, targets, shift, draws)
            leaves = [t for t, want in zip((y, weight, bias, shift), wanted, strict=True) if want]
            slow = iter(torch.autograd.grad(by_torch(given, how), leaves, d_loss, create_graph=True))
            return (None, None, *[next(slow) if want else None for want in wanted], None)
        if _forms((memory, y, words)) != forms:
            raise UsageError(lost("or its outputs have another shape or type now"))
        batched = are_batched((d_loss,)) or is_transformed((d_loss,))
        arriving = torch.ones((), dtype=y.dtype) if batched else rows(d_loss)
        y, memory, classes = vectors(y), rows(memory), len(weight)
        call, alive = _call(y, classes, how, draws)
        call.memory, call.memory_bytes, call.d_loss = memory.data_ptr(), len(memory), arriving.data_ptr()
        d_y, d_weight, d_bias = y.new_empty(y.shape) if wanted[0] else None, None, None
        if d_y is not None:
            call.d_y, call.d_y_batch, call.d_y_time = d_y.data_ptr(), d_y.stride(0), d_y.stride(1)
        if wanted[1]:
            d_weight = y.new_empty(classes, how.pieces * y.shape[2])
            call.d_weight = d_weight.data_ptr()
        if wanted[2] or wanted[3]:
            d_bias = y.new_empty(classes)
            call.d_bias = d_bias.data_ptr()
        check(core.c.recurra_readout_backward(byref(call)))
        del alive
        d_shift = d_bias.clone() if wanted[3] and d_bias is not None else None
        found = [d_y, d_weight, d_bias if wanted[2] else None, d_shift]
        if batched:  # a batch inside a tensor has no numbers
            found = [None if g is None else g * d_loss for g in found]
        return (None, None, *found, None)


_apply = super(torch.autograd.Function, _Loss).apply  # what Function's own does before is for torch.func's transforms


def _forms(tensors: tuple[Tensor | None, ...]) -> list[tuple[torch.Size, torch.dtype] | None]:
    return [None if t is None else (t.shape, t.dtype) for t in tensors]
