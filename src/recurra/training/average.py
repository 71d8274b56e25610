"""A running average of the weights, which is evaluated beside the weights themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

RECENT = 9
"""Weights count with the power of their step: about the last tenth of the steps so far make the average."""


class Average:
    """The average of what a network's weights were after each step, recent steps counting most.

    It needs no length: what it looks back on grows with the run.
    Maths:  a_n = a_(n-1) + (RECENT + 1) / (n + RECENT) (w_n - a_(n-1)), n the step from 1
    Source: Polyak & Juditsky 1992; weights of the steps as Shamir & Zhang 2013, polynomial-decay averaging
    """

    def __init__(self, network: nn.Module) -> None:
        self._now = averaged(network)
        self.values = {name: value.detach().clone() for name, value in self._now.items()}

    @torch.no_grad()
    def add(self, step: int) -> None:
        """The weights as they stand after so many steps."""
        share = (RECENT + 1) / (step + RECENT)
        torch._foreach_lerp_(list(self.values.values()), list(self._now.values()), share)

    @torch.no_grad()
    def restore(self, values: Mapping[str, Tensor]) -> None:
        """As it was when a run stopped."""
        for name, value in self.values.items():
            value.copy_(values[name])

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The network has these weights meanwhile, and its own again afterwards, bit for bit."""
        own = {name: value.detach().clone() for name, value in self._now.items()}
        self._put(self.values)
        try:
            yield
        finally:
            self._put(own)

    @torch.no_grad()
    def _put(self, values: Mapping[str, Tensor]) -> None:
        for name, value in self._now.items():
            value.copy_(values[name])


def averaged(network: nn.Module) -> dict[str, Tensor]:
    """What is averaged: the weights that learn, each once, and the moments that batch norms gather of batches.

    Buffers that nothing changes, such as a frozen encoder's weights, are no part of it.
    """
    found: dict[str, Tensor] = {name: p for name, p in network.named_parameters() if p.requires_grad}
    for place, module in network.named_modules():
        if isinstance(module, _NormBase) and module.track_running_stats:
            moments = {"running_mean": module.running_mean, "running_var": module.running_var}
            found |= {f"{place}.{name}".lstrip("."): value for name, value in moments.items() if value is not None}
    return found
