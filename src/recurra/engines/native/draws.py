"""Random numbers of dropout, and what they leave of others: one call of the compiled core each way where it can."""

from __future__ import annotations

from ctypes import byref
from struct import Struct
from typing import Any, NamedTuple

import torch
from torch import Tensor

from recurra.engines.native import forking, library
from recurra.engines.native.refusals import check, lost
from recurra.engines.native.tensors import TYPES, rows
from recurra.engines.watching import are_batched, are_plain, is_transformed
from recurra.errors import UsageError

_KINDS = {8: torch.int8, 16: torch.int16, 32: torch.int32}
_PACK = Struct("2iPiqd2Pq").pack_into


class Draws(NamedTuple):
    """Numbers of so many bits one after the other: what lies below the edge counts `scale`, the rest nothing.

    Of one bit what is 1 counts, the lowest of a byte first.

    Shapes: words int64 [N * bits / 64], rounded up
    """

    words: Tensor
    bits: int
    edge: int
    scale: float

    def kept(self, count: int, like: Tensor) -> Tensor:
        """1 for the numbers that count, else 0. Shapes: -> [count]"""
        if self.bits == 1:
            masks = torch.tensor([1 << bit for bit in range(8)], dtype=torch.uint8, device=self.words.device)
            numbers, edge, compare = (self.words.view(torch.uint8).unsqueeze(1) & masks).view(-1), 0, torch.ne
        else:
            numbers, edge, compare = self.words.view(_KINDS[self.bits]), self.edge, torch.lt
        found = torch.empty(count, dtype=like.dtype, device=like.device)  # via booleans it takes three times as long
        return compare(numbers[:count], edge, out=found)

    def factors(self, shape: torch.Size, like: Tensor) -> Tensor:
        """What each number counts. Shapes: -> as `shape`"""
        return self.kept(shape.numel(), like).mul_(self.scale).view(shape)

    def left(self, x: Tensor) -> Tensor:
        """x times what each number counts. Shapes: any"""
        takes = x.dtype in TYPES and x.is_cpu and x.is_contiguous() and x.numel() > 0 and library.why_missing() is None
        if not takes or not are_plain((x, self.words)) or is_transformed((x,)):
            return x * self.factors(x.shape, x)
        if not (torch.is_grad_enabled() and x.requires_grad):
            return _in_core(library.load(), self, x)
        found: Tensor = _apply(x, *self)  # type: ignore[no-untyped-call]
        return found


def _in_core(core: library.Library, draws: Draws, x: Tensor) -> Tensor:
    if forking.pending:
        forking.settle()
    call, x, words = library.DroppingCall(), rows(x), rows(draws.words)
    found, count = x.new_empty(x.shape), x.numel()
    if words.dtype != torch.int64 or 64 * len(words) < count * draws.bits:
        raise UsageError(lost("or its draws have another shape or type now"))
    sizes = (TYPES[x.dtype], torch.get_num_threads(), words.data_ptr(), *draws[1:])
    _PACK(call, 0, *sizes, x.data_ptr(), found.data_ptr(), count)
    check(core.c.recurra_dropout(byref(call)))
    return found


class _Left(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, words: Tensor, bits: int, edge: int, scale: float) -> Tensor:
        core = library.load()
        ctx.save_for_backward(words)
        ctx.of = core, bits, edge, scale
        return _in_core(core, Draws(words, bits, edge, scale), x)

    @staticmethod
    def backward(ctx: Any, d_found: Tensor) -> tuple[Tensor | None, ...]:
        (words,), (core, *how) = ctx.saved_tensors, ctx.of
        draws = Draws(words, *how)
        looked_at = torch.is_grad_enabled() or are_batched((d_found,)) or is_transformed((d_found,))
        if looked_at or not are_plain((d_found,)) or d_found.dtype not in TYPES:
            return d_found * draws.factors(d_found.shape, torch.empty((), dtype=d_found.dtype)), None, None, None, None
        return _in_core(core, draws, d_found), None, None, None, None


_apply = super(torch.autograd.Function, _Left).apply  # what Function's own does before is for torch.func's transforms
