"""How Fabric sets up several processes of which each sums its gradients in one piece."""

from __future__ import annotations

from lightning_fabric.strategies.ddp import DDPStrategy
from torch import nn


class Flat(DDPStrategy):
    """Fabric's strategy for a process each device, without the module that sums gradients bucket by bucket: here they
    go in one piece, with the numbers that every step agrees on, see `Reduction`."""

    def setup_module(self, module: nn.Module) -> nn.Module:  # type: ignore[override]
        return module
