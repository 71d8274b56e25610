"""The highest output of each unit over a row's own steps, with a derivative that costs no more than it has to.

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
    past = (torch.arange(y.shape[1], device=y.device) >= lengths.unsqueeze(1)).unsqueeze(2)
    if not are_plain((y,)) or is_transformed((y,)):
        found: Tensor = y.masked_fill(past, float("-inf")).amax(1)
        return found
    learned = torch.is_grad_enabled() and y.requires_grad
    if not learned and y.shape[0] * y.shape[2] >= LARGE:
        return _by_steps(y, past.squeeze(2))
    found = _Highest.apply(y, y.new_zeros(past.shape).masked_fill_(past, float("-inf")))  # type: ignore[no-untyped-call]
    return found


def _by_steps(y: Tensor, past: Tensor) -> Tensor:
    """The same where nothing is learned: step after step, for another tensor as large as y does not fit the caches.

    Shapes: y [B, T, H], past bool [B, T], never at the first step -> [B, H]
    """
    added = y.new_zeros(past.shape).masked_fill_(past, float("-inf"))
    found = y[:, 0].clone()
    for step in range(1, y.shape[1]):
        torch.maximum(found, y[:, step] + added[:, step, None], out=found)
    return found


class _Highest(torch.autograd.Function):
    """What is highest at several steps gives each an even share of the gradient, as torch's amax."""

    @staticmethod
    def forward(ctx: Any, y: Tensor, past: Tensor) -> Tensor:
        inside = y + past
        found = inside.amax(1)
        ctx.save_for_backward(inside, found)
        return found

    @staticmethod
    def backward(ctx: Any, d_found: Tensor) -> tuple[Tensor, None]:
        inside, found = (saved.detach() for saved in ctx.saved_tensors)
        here = torch.ge(inside, found.unsqueeze(1), out=torch.empty_like(inside))
        return here * (d_found / here.sum(1)).unsqueeze(1), None
