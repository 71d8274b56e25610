"""The highest output of each unit over a row's steps, and the sum, with a derivative that costs no more than it has to.

torch's `masked_fill` and `amax` go through masks of booleans, which its vector loops do not take: at B128 T12 H256 four
fifths of their time.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from recurra.engines.watching import are_plain, is_transformed

LARGE = 1 << 16
"""Numbers of a step from which on steps are looked at one by one."""


def highest(y: Tensor, lengths: Tensor) -> Tensor:
    """Shapes: y [B, T, H], lengths int64 [B], each from 1 to T, where y is -> [B, H]"""
    if not are_plain((y,)) or is_transformed((y,)):
        found: Tensor = y.masked_fill(_past(y, lengths).unsqueeze(2), float("-inf")).amax(1)
        return found
    learned = torch.is_grad_enabled() and y.requires_grad
    if not learned and y.shape[0] * y.shape[2] >= LARGE:
        return _by_steps(y, lengths)
    _, found = _Seen.apply(y, _past_of(y, lengths), False)  # type: ignore[no-untyped-call]
    return found


def sum_and_highest(y: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """The sum over all steps too, past a row's end of zeros: with one derivative for the two.

    Shapes: y [B, T, H], zero past each row's end, lengths int64 [B], each from 1 to T, where y is -> each [B, H]
    """
    if torch.is_grad_enabled() and y.requires_grad and are_plain((y,)) and not is_transformed((y,)):
        found: tuple[Tensor, Tensor] = _Seen.apply(y, _past_of(y, lengths), True)  # type: ignore[no-untyped-call]
        return found
    return y.sum(1), highest(y, lengths)


def _past(y: Tensor, lengths: Tensor) -> Tensor:
    """Which steps lie past a row's end. Shapes: -> bool [B, T]"""
    return torch.arange(y.shape[1], device=y.device) >= lengths.unsqueeze(1)


def _past_of(y: Tensor, lengths: Tensor) -> Tensor | None:
    """What makes those the lowest, added. Shapes: -> [B, T, 1]; None where there are none"""
    if lengths.device.type == "cpu" and int(lengths.min()) >= y.shape[1]:
        return None
    past = _past(y, lengths).unsqueeze(2)
    return y.new_zeros(past.shape).masked_fill_(past, float("-inf"))


def _by_steps(y: Tensor, lengths: Tensor) -> Tensor:
    """The same where nothing is learned: step after step, for another tensor as large as y does not fit the caches.

    Steps that all rows have need no mask. Shapes: y [B, T, H], lengths int64 [B] -> [B, H]
    """
    shared = int(lengths.min())
    past = _past(y, lengths)[:, shared:].unsqueeze(2)
    added = y.new_zeros(past.shape).masked_fill_(past, float("-inf"))
    found = y[:, 0].clone()
    for step in range(1, y.shape[1]):
        own = y[:, step] if step < shared else y[:, step] + added[:, step - shared]
        torch.maximum(found, own, out=found)
    return found


class _Seen(torch.autograd.Function):
    """The sum over steps, nothing if it is not asked for, and what is highest.

    What is highest at several steps gives each an even share of the gradient, as torch's amax.
    """

    @staticmethod
    def forward(ctx: Any, y: Tensor, past: Tensor | None, summed: bool) -> tuple[Tensor | None, Tensor]:
        inside = y if past is None else y + past
        found = inside.amax(1)
        ctx.save_for_backward(inside, found)
        ctx.set_materialize_grads(False)
        return y.sum(1) if summed else None, found

    @staticmethod
    def backward(ctx: Any, d_sum: Tensor | None, d_found: Tensor | None) -> tuple[Tensor | None, None, None]:
        inside, found = (saved.detach() for saved in ctx.saved_tensors)
        if d_found is None:
            return None if d_sum is None else d_sum.unsqueeze(1).expand_as(inside), None, None
        here = torch.ge(inside, found.unsqueeze(1), out=torch.empty_like(inside))
        share = (d_found / here.sum(1)).unsqueeze(1)
        if d_sum is None:
            return here * share, None, None
        return torch.addcmul(d_sum.unsqueeze(1), here, share), None, None
