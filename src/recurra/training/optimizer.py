"""The optimizer, and the gradient's clipping before it."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch._C._autograd import _profiler_enabled
from torch.optim import optimizer as optimizers

from recurra.torch_parts import leave_compiler_for_later
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
    leave_compiler_for_later()
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
    return Muon([*groups, {"params": free}], settings.learning_rate, halves=settings.precision == "bf16")


_TORCHS: Any = torch.optim.AdamW.step
if getattr(_TORCHS, "hooked", False):  # somebody has made one already: hooks would hear of a step twice
    _TORCHS = _TORCHS.__wrapped__


class AdamW(torch.optim.AdamW):
    """torch's, with the same numbers and the same state, and less to look at where all weights learn on the CPU.

    torch sorts the weights by device and type among other things, a third of its time where they are few and small, and
    asks hooks and the profiler before and after; where there are none that takes half as long as the step itself.
    """

    def step(self, closure: Any = None) -> Any:
        """As torch's."""
        watched = any((*_OF_ALL, self._optimizer_step_pre_hooks, self._optimizer_step_post_hooks))
        if watched or _profiler_enabled():
            return _WATCHED(self, closure)
        return self.update(closure)

    step.hooked = True  # type: ignore[attr-defined]  # else torch wraps it

    @torch.no_grad()
    def update(self, closure: Any = None) -> Any:
        """A step of which no hook hears."""
        found = [_on_cpu(group, self.state) for group in self.param_groups]
        if None in found:
            for group in self.param_groups:
                _begin(group, self.state)
            found = [_on_cpu(group, self.state) for group in self.param_groups]
        ready = [tensors for tensors in found if tensors is not None]
        if closure is not None or len(ready) < len(found):
            return _TORCHS(self, closure)
        made = [step for *_, steps in ready for step in steps]
        if made:
            torch._foreach_add_(made, [torch.ones_like(made[0])] * len(made))  # of a number each makes a tensor
        for group, (weights, gradients, averages, squares, steps) in zip(self.param_groups, ready, strict=True):
            if not weights:
                continue
            torch._fused_adamw_(
                weights,
                gradients,
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


_OF_ALL = (optimizers._global_optimizer_pre_hooks, optimizers._global_optimizer_post_hooks)
_WATCHED = torch.optim.Optimizer.profile_hook_step(AdamW.update)


def _begin(group: Mapping[str, Any], state: MutableMapping[Tensor, dict[str, Tensor]]) -> None:
    """What torch's first step makes of each weight of the CPU, which imports its compiler for it."""
    if not group["fused"] or group["amsgrad"]:
        return
    for weight in group["params"]:
        if weight.is_cpu and weight.grad is not None and not state.get(weight):
            state[weight] = {
                "step": torch.zeros((), dtype=torch.float32),
                "exp_avg": torch.zeros_like(weight, memory_format=torch.preserve_format),
                "exp_avg_sq": torch.zeros_like(weight, memory_format=torch.preserve_format),
            }


def _on_cpu(group: Mapping[str, Any], state: Mapping[Tensor, Mapping[str, Tensor]]) -> list[list[Tensor]] | None:
    """Weights, gradients, averages, squares and steps of a group, all of which has learned before; None of others."""
    weights = group["params"]
    if not group["fused"] or group["amsgrad"] or group["maximize"] or not isinstance(group["lr"], float):
        return None
    if not all(weight.is_cpu for weight in weights) or len({weight.dtype for weight in weights}) > 1:
        return None
    gradients, own = [weight.grad for weight in weights], [state.get(weight, {}) for weight in weights]
    if any(gradient is None for gradient in gradients) or not all(own):
        return None
    return [weights, gradients, *[[each[name] for each in own] for name in ("exp_avg", "exp_avg_sq", "step")]]


def clip_gradient(weights: Sequence[nn.Parameter], settings: TrainingSettings) -> float:
    """Clip the gradient in place, by value or by norm as the settings say; returns its norm before."""
    learning = [weight for weight in weights if weight.grad is not None]
    gradients = [weight.grad for weight in learning if weight.grad is not None]
    alike = len({(gradient.dtype, gradient.device, gradient.layout) for gradient in gradients}) == 1
    # as torch does it, without sorting the gradients by type and device first
    found = torch.stack(torch._foreach_norm(gradients)).norm() if alike else nn.utils.get_total_norm(gradients)
    norm = float(found)
    if settings.clip_value is not None:
        nn.utils.clip_grad_value_(learning, settings.clip_value)
    elif settings.clip_norm is not None and norm > settings.clip_norm:
        if alike:
            torch._foreach_mul_(gradients, (settings.clip_norm / (found + 1e-6)).clamp(max=1.0))
        else:
            nn.utils.clip_grads_with_norm_(learning, settings.clip_norm, found)
    return norm
