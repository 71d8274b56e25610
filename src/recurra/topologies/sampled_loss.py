"""The loss of an output layer of which a batch computes the frequent tokens, its own targets and a sample of the rest.

Logits come and go in chunks of rows that fit a cache, and their gradient is taken on the way, as in linear_loss.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from recurra.topologies.linear_loss import once_for_all, rows_of_a_chunk


class Sample(NamedTuple):
    """The tokens that stand in every row's sum.

    frequent: so many of the first tokens, all of which are among them
    Shapes: ids int64 [K], none twice, the frequent first, in order; counts [K], for how many tokens each stands
    """

    ids: Tensor
    counts: Tensor
    frequent: int


def sampled_cross_entropy(y: Tensor, weight: Tensor, bias: Tensor, targets: Tensor, sample: Sample) -> Tensor:
    """The mean over rows of log (e^l_w + sum_v n_v e^l_v) - l_w, l = W y + b, w the row's target, v the sample but w.

    Shapes: y [N, H], weight [V, H], bias [V], targets int64 [N] -> a number. Units: nats
    """
    device = y.device.type
    lower = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else None
    held = None if y.dtype == torch.float64 else lower
    loss: Tensor = _SampledCrossEntropy.apply(y, weight, bias, targets, sample, held)  # type: ignore[no-untyped-call]
    return loss


class _SampledCrossEntropy(torch.autograd.Function):
    """Forward does the work of backward. held: see linear_loss"""

    @staticmethod
    def forward(
        ctx: Any, y: Tensor, weight: Tensor, bias: Tensor, targets: Tensor, sample: Sample, held: torch.dtype | None
    ) -> Tensor:
        wanted = any(ctx.needs_input_grad[:3])
        with torch.autocast(y.device.type, enabled=False):
            rows = _Rows(y, weight, bias, targets, sample, held)
            loss = rows.loss(wanted)
            if wanted:
                ctx.save_for_backward(*rows.gradients())
        return loss

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, d_loss: Tensor) -> tuple[Tensor | None, ...]:
        return *once_for_all(ctx.saved_tensors, d_loss), None, None, None


class _Rows:
    """All rows, and of those with a rare target the logit of that alone, which is no part of their sample."""

    def __init__(
        self, y: Tensor, weight: Tensor, bias: Tensor, targets: Tensor, sample: Sample, held: torch.dtype | None
    ) -> None:
        self.y, self.weight, self.bias, self.targets, self.sample = y, weight, bias, targets, sample
        self.wide = torch.promote_types(y.dtype, torch.float32)
        self.held_y, self.held_weight = y.to(held or y.dtype), weight.index_select(0, sample.ids).to(held or y.dtype)
        self.offset = (bias[sample.ids] + sample.counts.log()).to(self.wide)
        self.rows = (targets >= sample.frequent).nonzero().squeeze(1)
        self.rare = targets[self.rows]
        self.rare_y, self.rare_weight = (x.to(self.wide) for x in (y[self.rows], weight.index_select(0, self.rare)))
        self.own = (self.rare_y * self.rare_weight).sum(1) + bias[self.rare]
        ids = sample.ids
        columns = ids.new_full((len(weight),), -1).index_put((ids,), torch.arange(len(ids), device=ids.device))
        self.columns = columns[self.rare]

    def loss(self, wanted: bool) -> Tensor:
        """The mean; and, if they are wanted, the gradients of all that it depends on."""
        count, size = len(self.y), rows_of_a_chunk(len(self.sample.ids))
        starts = torch.arange(0, count + size, size, device=self.rows.device)
        edges = torch.searchsorted(self.rows, starts).tolist()
        total = self.y.new_zeros((), dtype=torch.float64)
        if wanted:
            self.d_y = torch.empty_like(self.y)
            self.d_weight, self.d_bias = (torch.zeros_like(x, dtype=self.wide) for x in (self.held_weight, self.offset))
            self.d_own = torch.empty_like(self.own)
        for start, a, b in zip(range(0, count, size), edges, edges[1:], strict=False):
            total += self._chunk(slice(start, start + size), slice(a, b), start, wanted)
        return (total / count).to(self.wide)

    def _chunk(self, part: slice, some: slice, start: int, wanted: bool) -> Tensor:
        """The sum of the losses of some rows. some: which of the rare ones lie among them"""
        y, targets = self.held_y[part], self.targets[part]
        logits = (y @ self.held_weight.t()).to(self.wide).add_(self.offset)
        rare, columns = self.rows[some] - start, self.columns[some]
        drawn = columns >= 0
        logits[rare[drawn], columns[drawn]] = -torch.inf
        own = logits.new_full((len(y),), -torch.inf).index_copy_(0, rare, self.own[some].to(self.wide))
        common = (targets < self.sample.frequent).nonzero().squeeze(1)
        right = own.index_copy(0, common, logits[common, targets[common]])
        top = torch.maximum(logits.amax(1), own)
        logits.sub_(top.unsqueeze(1)).exp_()
        own = own.sub_(top).exp_()
        total = logits.sum(1) + own
        loss = (total.log() + top - right).sum(dtype=torch.float64)
        if wanted:
            probabilities = logits.div_(total.unsqueeze(1))
            probabilities[common, targets[common]] -= 1
            self.d_own[some] = (own / total)[rare] - 1
            self.d_bias += probabilities.sum(0)
            probabilities = probabilities.to(y.dtype)
            self.d_y[part] = probabilities @ self.held_weight
            self.d_weight += probabilities.t() @ y
        return loss

    def gradients(self) -> list[Tensor]:
        """Of y, weight and bias."""
        share = 1 / len(self.y)
        self.d_own *= share
        own = self.d_own.unsqueeze(1)
        d_y = self.d_y.mul_(share).index_add_(0, self.rows, (own * self.rare_weight).to(self.d_y.dtype))
        d_weight, d_bias = torch.zeros_like(self.weight), torch.zeros_like(self.bias)
        d_weight.index_copy_(0, self.sample.ids, self.d_weight.mul_(share).to(d_weight.dtype))
        d_weight.index_add_(0, self.rare, (own * self.rare_y).to(d_weight.dtype))
        d_bias.index_copy_(0, self.sample.ids, self.d_bias.mul_(share).to(d_bias.dtype))
        return [d_y, d_weight, d_bias.index_add_(0, self.rare, self.d_own.to(d_bias.dtype))]
