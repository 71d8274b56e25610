"""What processes tell each other at every step: one buffer with all gradients, and a few numbers at its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from torch import Tensor, nn

LARGE = 1 << 12
"""Whole numbers are sent as two, so that float32 adds them exactly: up to 2^36 in all."""


@dataclass
class Numbers:
    """What is summed over the processes beside the gradients.

    weight: what the gradient is a mean over; loss: times that weight; units: see Loss; milliseconds: on the clock of
    the first process, 0 of the others; interrupts, terminations, hangups: signals; failures: of callbacks; enough:
    callbacks that want no more training
    """

    weight: int = 0
    loss: float = 0.0
    units: int = 0
    milliseconds: int = 0
    interrupts: int = 0
    terminations: int = 0
    hangups: int = 0
    failures: int = 0
    enough: int = 0

    def sent(self) -> list[float]:
        """Two numbers for each."""
        found: list[float] = []
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "loss":
                most = float(torch.tensor(value, dtype=torch.float32))
                found += [most, value - most if most == most and abs(most) != float("inf") else 0.0]
            else:
                found += divmod(value, LARGE)
        return found

    @classmethod
    def read(cls, sums: list[float]) -> Numbers:
        """What `sent` gave, summed."""
        made = cls()
        for place, field in enumerate(fields(cls)):
            high, low = sums[2 * place : 2 * place + 2]
            setattr(made, field.name, high + low if field.name == "loss" else round(high * LARGE + low))
        return made


SENT = 2 * len(fields(Numbers))


class Reduction:
    """One flat buffer: the gradients of all weights, which of them there are, `Numbers`.

    One call for all of it: of small networks a call's latency is most of what it costs.
    all_reduce: sums a tensor over the processes, in place
    """

    def __init__(self, network: nn.Module, all_reduce: Callable[[Tensor], None]) -> None:
        self._weights = [weight for weight in network.parameters() if weight.requires_grad]
        self._all_reduce = all_reduce
        like, self.size = self._weights[0], sum(weight.numel() for weight in self._weights)
        self._flat = torch.zeros(self.size + len(self._weights) + SENT, dtype=like.dtype, device=like.device)
        parts = torch.split(self._flat[: self.size], [weight.numel() for weight in self._weights])
        self._parts = [part.view(weight.shape) for part, weight in zip(parts, self._weights, strict=True)]

    @property
    def bytes(self) -> int:
        """Sent at a step, each way."""
        return self._flat.numel() * self._flat.element_size()

    @torch.no_grad()
    def reduce(self, own: Numbers) -> Numbers:
        """Sum the gradients, of losses times `own.weight`, and put their mean where they were. A weight that has a
        gradient in no process keeps none."""
        there = [weight.grad is not None for weight in self._weights]
        copied = [(part, w.grad) for part, w in zip(self._parts, self._weights, strict=True) if w.grad is not None]
        if copied:
            torch._foreach_copy_([part for part, _ in copied], [gradient for _, gradient in copied])
        missing = [part for part, has in zip(self._parts, there, strict=True) if not has]
        if missing:
            torch._foreach_zero_(missing)
        rest = self._flat[self.size :]
        rest.copy_(torch.tensor([*map(float, there), *own.sent()], dtype=rest.dtype))
        self._all_reduce(self._flat)
        found = rest.tolist()
        sums = Numbers.read(found[len(there) :])
        self._flat[: self.size].div_(max(sums.weight, 1))
        for weight, part, count in zip(self._weights, self._parts, found, strict=False):
            weight.grad = part if count else None
        return sums
