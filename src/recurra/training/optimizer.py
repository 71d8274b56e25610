"""The optimizer, and the gradient's clipping before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from recurra.training.muon import Muon, gates_of
from recurra.training.settings import TrainingSettings


def optimizer_of(network: nn.Module, settings: TrainingSettings) -> torch.optim.Optimizer:
    """Weight decay acts on matrices, not on biases, peepholes and initial states."""
    decayed: list[nn.Parameter] = []
    free: list[nn.Parameter] = []
    for name, weight in network.named_parameters():
        if weight.requires_grad:
            (free if weight.dim() < 2 or "initial_" in name else decayed).append(weight)
    groups = [
        {"params": decayed, "weight_decay": settings.weight_decay},
        {"params": free, "weight_decay": 0.0},
    ]
    match settings.optimizer:
        case "muon":
            return _muon(network, decayed, free, settings)
        case "adamw":
            # 0.99 forgets the first, large gradients soon enough for runs of a few thousand steps
            return AdamW(groups, lr=settings.learning_rate, betas=(0.9, 0.99), fused=True)
        case "sgd":
            return torch.optim.SGD(groups, lr=settings.learning_rate, momentum=settings.momentum)
        case "rmsprop":
            return torch.optim.RMSprop(groups, lr=settings.learning_rate)


def _muon(
    network: nn.Module, decayed: list[nn.Parameter], free: list[nn.Parameter], settings: TrainingSettings
) -> Muon:
    """Matrices of recurrent layers gate by gate; tables, output layers and what is no matrix as with adamw."""
    gates, named = gates_of(network), dict(network.named_parameters())
    matrices = [(named[name], count) for name, count in gates.items() if named[name].requires_grad]
    turned = {id(weight) for weight, _ in matrices}
    groups: list[dict[str, Any]] = [
        {"params": [w for w, c in matrices if c == count], "gates": count, "weight_decay": settings.weight_decay}
        for count in sorted(set(gates.values()))
    ]
    groups.append({"params": [w for w in decayed if id(w) not in turned], "weight_decay": settings.weight_decay})
    return Muon([*groups, {"params": free}], settings.learning_rate)


class AdamW(torch.optim.AdamW):
    """torch's, with the same numbers and the same state, and less to look up where all weights learn on the CPU.

    What torch gathers anew at each step is kept then, which takes a third of its time where weights are few and small.
    """

    _state: Any = None
    _kept: list[tuple[list[Tensor], ...]]

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """As torch's."""
        if closure is not None or not self._is_known():
            found = super().step(closure)
            self._keep()
            return found
        gradients = [[weight.grad for weight in kept[0]] for kept in self._kept]
        if any(gradient is None for some in gradients for gradient in some):
            return super().step()
        for group, kept, some in zip(self.param_groups, self._kept, gradients, strict=True):
            if not some:
                continue
            weights, averages, squares, steps = kept
            torch._foreach_add_(steps, 1)
            torch._fused_adamw_(
                weights,
                some,  # type: ignore[arg-type]
                averages,
                squares,
                [],
                steps,
                lr=group["lr"],
                beta1=group["betas"][0],
                beta2=group["betas"][1],
                weight_decay=group["weight_decay"],
                eps=group["eps"],
                amsgrad=False,
                maximize=False,
            )
        return None

    def _is_known(self) -> bool:
        """Whether what is kept is of the state as it is: loading one makes another."""
        return self._state is self.state and len(self._kept) == len(self.param_groups)

    def _keep(self) -> None:
        """What a step needs of weights on the CPU of one type, all of which have been learning."""
        weights = [weight for group in self.param_groups for weight in group["params"]]
        alike = {(weight.device.type, weight.dtype) for weight in weights}
        usual = all(
            group["fused"] and not group["amsgrad"] and not group["maximize"] and isinstance(group["lr"], float)
            for group in self.param_groups
        )
        if not usual or len(alike) != 1 or alike.pop()[0] != "cpu" or not all(map(self.state.get, weights)):
            return
        self._state = self.state
        self._kept = [
            (
                group["params"],
                *[[self.state[w][name] for w in group["params"]] for name in ("exp_avg", "exp_avg_sq", "step")],
            )
            for group in self.param_groups
        ]


def clip_gradient(weights: Sequence[nn.Parameter], settings: TrainingSettings) -> float:
    """Clip the gradient in place, by value or by norm as the settings say; returns its norm before."""
    learning = [weight for weight in weights if weight.grad is not None]
    gradients = [weight.grad for weight in learning if weight.grad is not None]
    found = nn.utils.get_total_norm(gradients)
    norm = float(found)
    if settings.clip_value is not None:
        nn.utils.clip_grad_value_(learning, settings.clip_value)
    elif settings.clip_norm is not None and norm > settings.clip_norm:
        nn.utils.clip_grads_with_norm_(learning, settings.clip_norm, found)
    return norm
