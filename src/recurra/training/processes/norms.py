"""Batch norms whose batch is that of all processes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

Sum = Callable[[Tensor], None]


def _summed(x: Tensor, all_reduce: Sum) -> Tensor:
    found: Tensor = _Summed.apply(x, all_reduce)  # type: ignore[no-untyped-call]
    return found


class _Summed(torch.autograd.Function):
    """The sum over all processes, of which each then makes its own share of the loss: gradients are summed likewise."""

    @staticmethod
    def forward(context: Any, x: Tensor, all_reduce: Sum) -> Tensor:
        context.all_reduce = all_reduce
        found = x.clone()
        all_reduce(found)
        return found

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        gradient = gradients[0].clone()
        context.all_reduce(gradient)
        return gradient, None


@contextmanager
def over_all_processes(network: nn.Module, all_reduce: Sum, counts: Callable[[], bool]) -> Iterator[None]:
    """Meanwhile the network's batch norms are those of the whole batch; torch's own are of CUDA alone.

    counts: whether the rows that this process reads at the moment are its own, see `own_rows`
    """
    norms = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    for norm in norms:
        norm.forward = functools.partial(_normalised, norm, all_reduce, counts)  # type: ignore[method-assign]
    try:
        yield
    finally:
        for norm in norms:
            del norm.__dict__["forward"]


def _normalised(norm: _BatchNorm, all_reduce: Sum, counts: Callable[[], bool], x: Tensor) -> Tensor:
    """As nn.BatchNorm's forward. Shapes: x [N, C, ...]"""
    if not norm.training:
        return functional.batch_norm(
            x, norm.running_mean, norm.running_var, norm.weight, norm.bias, False, 0.0, norm.eps
        )
    over = [0, *range(2, x.dim())]
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    share = 1.0 if counts() else 0.0
    shape = [1, -1] + [1] * (x.dim() - 2)
    number = wide.new_full((1,), share * x.numel() / x.shape[1])
    first = _summed(torch.cat([wide.sum(over) * share, number]), all_reduce)
    count = first[-1].detach()
    mean = first[:-1] / count
    centred = wide - mean.view(shape)
    variance = _summed(centred.square().sum(over) * share, all_reduce) / count
    if norm.running_mean is not None and norm.running_var is not None:
        _keep(norm, mean.detach(), variance.detach() * count / (count - 1).clamp(min=1))
    made: Tensor = centred * torch.rsqrt(variance + norm.eps).view(shape)
    if norm.affine:
        made = made * norm.weight.view(shape) + norm.bias.view(shape)
    return made.to(x.dtype)


@torch.no_grad()
def _keep(norm: _BatchNorm, mean: Tensor, variance: Tensor) -> None:
    assert norm.num_batches_tracked is not None
    norm.num_batches_tracked.add_(1)
    share = 1 / float(norm.num_batches_tracked) if norm.momentum is None else norm.momentum
    for kept, now in ((norm.running_mean, mean), (norm.running_var, variance)):
        assert kept is not None
        kept.lerp_(now.to(kept.dtype), share)
