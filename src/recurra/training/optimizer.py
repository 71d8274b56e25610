"""The optimizer, and the gradient's clipping before it."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

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
            return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=(0.9, 0.99), fused=True)
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


def clip_gradient(network: nn.Module, settings: TrainingSettings) -> float:
    """Clip the gradient in place, by value or by norm as the settings say; returns its norm before."""
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    parameters = [p for p in network.parameters() if p.grad is not None]
    found = nn.utils.get_total_norm(gradients)
    norm = float(found)
    if settings.clip_value is not None:
        nn.utils.clip_grad_value_(parameters, settings.clip_value)
    elif settings.clip_norm is not None and norm > settings.clip_norm:
        nn.utils.clip_grads_with_norm_(parameters, settings.clip_norm, found)
    return norm
