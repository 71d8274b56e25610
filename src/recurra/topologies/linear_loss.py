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
LEAST_ROWS = 64
"""Rows of a chunk at least: each goes through all weights, which of hundreds of thousands of outputs are far more than
its logits."""
FEW_VALUES = 1 << 19
"""Logits that nearly lie in a core's cache anyway: torch's own cross-entropy, which is fewer calls, is faster then."""


def linear_cross_entropy(x: Tensor, weight: Tensor, bias: Tensor, targets: Tensor, *, smoothing: float = 0.0) -> Tensor:
    """Mean cross-entropy of softmax(x W' + b) and the targets, as torch's with `label_smoothing`.

    smoothing: the share of each target's weight that is spread evenly over all outputs (Szegedy et al. 2016)
    Shapes: x [N, F], weight [V, F], bias [V], targets int64 [N] -> a number. Units: nats
    """
    device = x.device.type
    lower = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else None
    few = len(x) * len(weight) <= FEW_VALUES
    if few or lower == torch.float16:  # whose gradients are scaled before they are made, not after
        logits = functional.linear(x, weight, bias)
        wide = logits if logits.dtype == torch.float64 else logits.float()
        return functional.cross_entropy(wide, targets, label_smoothing=smoothing)
    held = None if x.dtype == torch.float64 else lower
    loss: Tensor = _LinearCrossEntropy.apply(x, weight, bias, targets, smoothing, held)  # type: ignore[no-untyped-call]
    return loss


@torch.no_grad()
def linear_costs(x: Tensor, weight: Tensor, bias: Tensor, targets: Tensor) -> Tensor:
    """What `linear_cross_entropy` is the mean of, without a gradient. Shapes: -> [N]. Units: nats"""
    rows, found = rows_of_a_chunk(len(weight)), [x.new_zeros(0)]
    for start in range(0, len(x), rows):
        logits = functional.linear(x[start : start + rows], weight, bias)
        found.append(functional.cross_entropy(logits.float(), targets[start : start + rows], reduction="none"))
    return torch.cat(found)


def rows_of_a_chunk(outputs: int) -> int:
    """How many rows' logits are held at a time."""
    return max(LEAST_ROWS, CHUNK_VALUES // outputs)


class _LinearCrossEntropy(torch.autograd.Function):
    """Forward does the work of backward, for the logits are at hand only then.

    held: the type that operands and results of products are rounded to, as under autocast; None for their own
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, targets: Tensor, smoothing: float, held: torch.dtype | None
    ) -> Tensor:
        wanted = any(ctx.needs_input_grad[:3])
        with torch.autocast(x.device.type, enabled=False):
            loss, *gradients = _by_chunks(x, weight, bias, targets, smoothing, held, wanted)
        if wanted:
            ctx.save_for_backward(*gradients)
        return loss

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, d_loss: Tensor) -> tuple[Tensor | None, ...]:
        return *once_for_all(ctx.saved_tensors, d_loss), None, None, None


def once_for_all(gradients: tuple[Tensor, ...], d_loss: Tensor) -> tuple[Tensor, ...]:
    """Gradients that forward took, of a loss with a gradient of its own."""
    if d_loss.device.type != "cpu" or d_loss.item() != 1:  # which it is where the loss is what is minimised
        return tuple(part * d_loss for part in gradients)
    return gradients


def _by_chunks(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    targets: Tensor,
    smoothing: float,
    held: torch.dtype | None,
    wanted: bool,
) -> list[Tensor]:
    """The loss and, if they are wanted, the gradients of x, weight and bias."""
    wide = x.dtype if held is None else torch.float32
    own, own_weight, own_bias = (each.to(held or wide) for each in (x, weight, bias))
    count, outputs = len(x), len(weight)
    rows = rows_of_a_chunk(outputs)
    if smoothing:
        mean_weight, mean_bias = weight.mean(0), bias.mean()  # of these follows the mean of all logits
    loss = x.new_zeros((), dtype=torch.float64)
    if wanted:
        d_x, d_weight, d_bias = torch.empty_like(x), torch.zeros_like(weight), torch.zeros_like(bias)
    for start in range(0, count, rows):
        part, wanted_ids = own[start : start + rows], targets[start : start + rows].unsqueeze(1)
        logits = torch.addmm(own_bias, part, own_weight.t()).to(wide)
        logs = logits.log_softmax(1)
        right = logs.gather(1, wanted_ids)
        loss -= (1 - smoothing) * right.sum(dtype=torch.float64)
        if smoothing:
            log_total = logits.gather(1, wanted_ids) - right
            mean = part.to(wide) @ mean_weight + mean_bias
            loss -= smoothing * (mean.unsqueeze(1) - log_total).sum(dtype=torch.float64)
        if not wanted:
            continue
        gradient = logs.exp_().mul_(1 / count)
        gradient.scatter_add_(1, wanted_ids, gradient.new_full(wanted_ids.shape, (smoothing - 1) / count))
        d_bias += gradient.sum(0)
        if held is None:
            torch.mm(gradient, weight, out=d_x[start : start + rows])
            d_weight.addmm_(gradient.t(), part)
        else:
            gradient = gradient.to(held)
            d_x[start : start + rows] = gradient @ own_weight
            d_weight += gradient.t() @ part
    if wanted and smoothing:  # what its even share adds is the same for all outputs, so it needs no logits
        d_x -= smoothing / count * mean_weight
        d_weight -= smoothing / outputs / count * x.sum(0)
        d_bias -= smoothing / outputs
    return [(loss / count).to(wide), *([d_x, d_weight, d_bias] if wanted else [])]
