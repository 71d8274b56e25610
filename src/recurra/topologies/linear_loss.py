"""The loss of an output layer without its whole table of probabilities.

A vocabulary of thousands makes logits [N, V] of tens of megabytes, which plain cross-entropy walks through six times.
Here they come and go in chunks of rows that fit a cache, and their gradient is taken on the way.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

CHUNK_VALUES = 1 << 21
"""Logits of a chunk of rows, at most: 8 MB of float32."""


def linear_cross_entropy(x: Tensor, weight: Tensor, bias: Tensor, targets: Tensor, *, smoothing: float = 0.0) -> Tensor:
    """Mean cross-entropy of softmax(x W' + b) and the targets, as torch's with `label_smoothing`.

    smoothing: the share of each target's weight that is spread evenly over all outputs (Szegedy et al. 2016)
    Shapes: x [N, F], weight [V, F], bias [V], targets int64 [N] -> a number. Units: nats
    """
    if torch.is_autocast_enabled(x.device.type):
        return functional.cross_entropy(functional.linear(x, weight, bias).float(), targets, label_smoothing=smoothing)
    loss: Tensor = _LinearCrossEntropy.apply(x, weight, bias, targets, smoothing)  # type: ignore[no-untyped-call]
    return loss


class _LinearCrossEntropy(torch.autograd.Function):
    """Forward does the work of backward, for the logits are at hand only then."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, targets: Tensor, smoothing: float) -> Tensor:
        count, outputs = len(x), len(weight)
        rows = max(1, CHUNK_VALUES // outputs)
        wanted = any(ctx.needs_input_grad[:3])
        mean_weight, mean_bias = weight.mean(0), bias.mean()  # of these follows the mean of all logits
        loss = x.new_zeros((), dtype=torch.float64)
        if wanted:
            # what the even share of the smoothing adds is the same for all outputs, so it needs no logits
            d_x = (-smoothing / count * mean_weight).repeat(count, 1)
            d_weight = (-smoothing / outputs / count * x.sum(0)).repeat(outputs, 1)
            d_bias = torch.full_like(bias, -smoothing / outputs)
        for start in range(0, count, rows):
            part, wanted_ids = x[start : start + rows], targets[start : start + rows].unsqueeze(1)
            logits = torch.addmm(bias, part, weight.t())
            highest = logits.amax(1, keepdim=True)
            logits.sub_(highest)
            right = logits.gather(1, wanted_ids)
            powers = logits.exp_()
            total = powers.sum(1, keepdim=True)
            log_total = total.log()
            found = log_total - (1 - smoothing) * right
            if smoothing:
                found -= smoothing * ((part @ mean_weight + mean_bias).unsqueeze(1) - highest)
            loss += found.sum(dtype=torch.float64)
            if not wanted:
                continue
            gradient = powers.mul_((total * count).reciprocal_())
            gradient.scatter_add_(1, wanted_ids, gradient.new_full(wanted_ids.shape, (smoothing - 1) / count))
            d_x[start : start + rows].addmm_(gradient, weight)
            d_weight.addmm_(gradient.t(), part)
            d_bias += gradient.sum(0)
        if wanted:
            ctx.save_for_backward(d_x, d_weight, d_bias)
        return (loss / count).to(x.dtype)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, d_loss: Tensor) -> tuple[Tensor | None, ...]:
        d_x, d_weight, d_bias = ctx.saved_tensors
        return d_x * d_loss, d_weight * d_loss, d_bias * d_loss, None, None
