"""Muon: steps of a gate's matrix that turn all its directions alike; AdamW for everything else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw

from recurra.layers.stack import Stack

MOMENTUM = 0.95
BETAS, EPSILON = (0.9, 0.99), 1e-8
"""Of AdamW, as in `training.optimizer`."""
COEFFICIENTS = ((8.0934, -23.6204, 17.4462), (3.6366, -2.7219, 0.5365), (2.6613, -1.9772, 0.4526))
"""Of three quintic iterations, each the best for what the one before leaves of singular values from 0.01 to 1: they
become 0.73 to 1.27, for which it takes five with the same coefficients, a third of the time of a step of 256 units."""
EVERY = 2
"""Steps from one turn of a gate to the next, which is as many times as long: each step turns one gate in so many of a
matrix. Of a momentum over twenty steps turns in between say nothing new, and they are most of what Muon costs."""
SIZE = 0.2
"""Root mean square of a step's values, as AdamW's are, so that one learning rate serves both."""


class Muon(torch.optim.Optimizer):
    """Groups with `gates` above 0 are matrices [G*H, I] of as many gates, each orthogonalised by itself; all gates of
    one shape are, in one batch. The gates of a matrix take turns, see EVERY; one alone is turned at every step.

    halves: with products of bfloat16, as torch's own Muon, where the machine has them

    Maths:  m <- 0.95 m + 0.05 g;  W <- W - rate (0.2 sqrt(max(H, I)) orthogonal(0.05 g + 0.95 m) + decay W) for each
            gate; orthogonal: all singular values about 1, by Newton-Schulz
    Source: Jordan et al. 2024, Muon; step sizes as Liu et al. 2025, Muon is scalable for LLM training
    """

    def __init__(self, groups: Iterable[dict[str, Any]], lr: float, *, halves: bool = False) -> None:
        super().__init__(groups, {"lr": lr, "weight_decay": 0.0, "gates": 0, "halves": halves})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """One step of every weight that has a gradient. Errors: a closure is not called"""
        batches: dict[tuple[Any, ...], list[tuple[Tensor, Tensor, float]]] = {}
        for group in self.param_groups:
            learning = [weight for weight in group["params"] if weight.grad is not None]
            if not group["gates"]:
                self._adamw(learning, group)
                continue
            every = min(EVERY, group["gates"])
            rate = every * group["lr"]
            for weight in learning:
                update = self._with_momentum(weight)
                first = int(self.state[weight]["step"]) % every
                gates, moved = (x.unflatten(0, (group["gates"], -1))[first::every] for x in (weight, update))
                gates.mul_(1 - rate * group["weight_decay"])
                wide = moved if moved.shape[1] <= moved.shape[2] else moved.mT
                products = torch.bfloat16 if group.get("halves") and _has_halves(weight) else wide.dtype
                batches.setdefault((products, *wide.shape[1:]), []).append((gates, wide, rate))
        for (products, *_), some in batches.items():
            found = orthogonal(torch.cat([wide for _, wide, _ in some]), products)
            steps = torch.split(found, [len(wide) for _, wide, _ in some])
            for (gates, wide, rate), step in zip(some, steps, strict=True):
                upright = step if gates.shape[2] == wide.shape[2] else step.mT
                gates.add_(upright, alpha=-rate * SIZE * max(wide.shape[1:]) ** 0.5)

    def _with_momentum(self, weight: Tensor) -> Tensor:
        assert weight.grad is not None
        state = self.state[weight]
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float32)
            state["momentum_buffer"] = torch.zeros_like(weight)
        state["step"] += 1
        mean: Tensor = state["momentum_buffer"]
        mean.lerp_(weight.grad, 1 - MOMENTUM)
        return torch.lerp(weight.grad, mean, MOMENTUM)

    def _adamw(self, learning: list[Tensor], group: dict[str, Any]) -> None:
        for weight in learning:
            if not self.state[weight]:
                self.state[weight]["step"] = torch.zeros((), dtype=torch.float32, device=weight.device)
                self.state[weight]["exp_avg"] = torch.zeros_like(weight)
                self.state[weight]["exp_avg_sq"] = torch.zeros_like(weight)
        kept = [[self.state[weight][name] for weight in learning] for name in ("exp_avg", "exp_avg_sq", "step")]
        if learning:
            adamw(
                learning,
                [weight.grad for weight in learning if weight.grad is not None],
                kept[0],
                kept[1],
                [],
                kept[2],
                fused=True,
                amsgrad=False,
                beta1=BETAS[0],
                beta2=BETAS[1],
                lr=group["lr"],
                weight_decay=group["weight_decay"],
                eps=EPSILON,
                maximize=False,
            )


def _has_halves(weight: Tensor) -> bool:
    """Whether products of bfloat16 are no slower there than those of float32."""
    return weight.device.type != "cpu" or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def orthogonal(matrices: Tensor, products: torch.dtype | None = None) -> Tensor:
    """The nearest matrices of which all singular values are 1, nearly: from 0.01 of the norm on they are 0.73 to 1.27.

    products: the type that is multiplied in, that of the matrices if None; bfloat16, whose numbers have three digits,
    moves the values by a few hundredths
    Shapes: [N, rows, columns], rows at most columns
    Source: Jordan et al. 2024, the quintic iteration; Amsel et al. 2025, The Polar Express, a step's own coefficients
    """
    x: Tensor = (matrices / matrices.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)).to(products or matrices.dtype)
    for a, b, c in COEFFICIENTS:
        product = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(product, product, product, beta=b, alpha=c), x, beta=a)
    return x.to(matrices.dtype)


def gates_of(network: nn.Module) -> dict[str, int]:
    """The input and recurrent matrices of all recurrent layers by their names, with how many gates each holds."""
    found = {}
    for place, module in network.named_modules():
        if isinstance(module, Stack):
            for name, weight in module.named_parameters(recurse=False):
                if name.startswith(("weight_ih", "weight_hh")) and weight.dim() == 2:
                    gates, rest = divmod(weight.shape[0], module.hidden_size)
                    if not rest:
                        found[f"{place}.{name}".lstrip(".")] = gates
    return found
