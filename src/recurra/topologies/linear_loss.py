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
FEW_VALUES = 1 << 17
"""Logits that lie in a core's cache anyway: torch's own cross-entropy, which is fewer calls, is faster then."""


def linear_cross_entropy(x: Tensor, weight: Tensor, bias: Tensor, targets: Tensor, *, smoothing: float = 0.0) -> Tensor:
    """Mean cross-entropy of softmax(x W' + b) and the targets, as torch's with `label_smoothing`.

    smoothing: the share of each target's weight that is spread evenly over all outputs (Szegedy et al. 2016)
    Shapes: x [N, F], weight [V, F], bias [V], targets int64 [N] -> a number. Units: nats
    """
    few = len(x) * len(weight) <= FEW_VALUES
    if few or torch.is_autocast_enabled(x.device.type):
        logits = functional.linear(x, weight, bias)
        wide = logits if logits.dtype == torch.float64 else logits.float()
        return functional.cross_entropy(wide, targets, label_smoothing=smoothing)
    loss: Tensor = _LinearCrossEntropy.apply(x, weight, bias, targets, smoothing)  # type: ignore[no-untyped-call]
    return loss


@torch.no_grad()
def linear_costs(x: Tensor, weight: Tensor, bias: Tensor, targets: Tensor) -> Tensor:
    """What `linear_cross_entropy` is the mean of, without a gradient. Shapes: -> [N]. Units: nats"""
    rows, found = max(1, CHUNK_VALUES // len(weight)), [x.new_zeros(0)]
    for start in range(0, len(x), rows):
        logits = functional.linear(x[start : start + rows], weight, bias)
        found.append(functional.cross_entropy(logits.float(), targets[start : start + rows], reduction="none"))
    return torch.cat(found)


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
            d_x, d_weight, d_bias = torch.empty_like(x), torch.zeros_like(weight), torch.zeros_like(bias)
        for start in range(0, count, rows):
            part, wanted_ids = x[start : start + rows], targets[start : start + rows].unsqueeze(1)
            logits = torch.addmm(bias, part, weight.t())
            logs = logits.log_softmax(1)
            right = logs.gather(1, wanted_ids)
            loss -= (1 - smoothing) * right.sum(dtype=torch.float64)
            if smoothing:
                log_total = logits.gather(1, wanted_ids) - right
                loss -= smoothing * ((part @ mean_weight + mean_bias).unsqueeze(1) - log_total).sum(dtype=torch.float64)
            if not wanted:
                continue
            gradient = logs.exp_().mul_(1 / count)
            gradient.scatter_add_(1, wanted_ids, gradient.new_full(wanted_ids.shape, (smoothing - 1) / count))
            torch.mm(gradient, weight, out=d_x[start : start + rows])
            d_weight.addmm_(gradient.t(), part)
            d_bias += gradient.sum(0)
        if wanted and smoothing:  # what its even share adds is the same for all outputs, so it needs no logits
            d_x -= smoothing / count * mean_weight
            d_weight -= smoothing / outputs / count * x.sum(0)
            d_bias -= smoothing / outputs
        if wanted:
            ctx.save_for_backward(d_x, d_weight, d_bias)
        return (loss / count).to(x.dtype)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, d_loss: Tensor) -> tuple[Tensor | None, ...]:
        found = ctx.saved_tensors
        if d_loss.device.type != "cpu" or d_loss.item() != 1:  # which it is where the loss is what is minimised
            found = tuple(part * d_loss for part in found)
        return *found, None, None
