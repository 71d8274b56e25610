"""The same training step as one writes it in plain torch, at its best: time-major, fused AdamW, nothing logged."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from recurra.bench.cases import Case, Precision
from recurra.bench.machine import has_bfloat16
from recurra.bench.recurra_side import autocast
from recurra.bench.torch_peers import MODULES
from recurra.topologies.many_to_many import NextToken
from recurra.training.settings import TrainingSettings


class PlainStep:
    """Embedding, recurrent layers and output layer of torch.nn with our weights and our batches.

    losses: of every step, not read while the clock runs.
    """

    def __init__(
        self,
        case: Case,
        network: nn.Module,
        tokens: Any,
        settings: TrainingSettings,
        *,
        variant: str | None,
        precision: Precision,
    ) -> None:
        assert isinstance(network, NextToken)
        s = case.shape
        self.variant, self.precision = variant, precision
        self.steps, self.clip = s.time, settings.clip_norm or float("inf")
        self.table = nn.Embedding(*network.table.weight.shape)
        self.table.load_state_dict(network.table.state_dict())
        self.layers = MODULES[case.cell](s.input_size, s.hidden_size, case.layers)
        self.layers.load_state_dict(network.stack.state_dict())
        self.head = nn.Linear(s.hidden_size, len(self.table.weight))
        self.head.load_state_dict(network.head.state_dict())
        self.parameters = [p for part in (self.table, self.layers, self.head) for p in part.parameters()]
        matrices, others = [p for p in self.parameters if p.dim() > 1], [p for p in self.parameters if p.dim() < 2]
        groups = [
            {"params": matrices, "weight_decay": settings.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=settings.learning_rate, betas=(0.9, 0.99), fused=True)
        length = (len(tokens) - 1) // s.batch
        rows = torch.from_numpy(tokens.astype("int64"))
        self.inputs = rows[: s.batch * length].view(s.batch, length).t().contiguous()
        self.targets = rows[1 : s.batch * length + 1].view(s.batch, length).t().contiguous()
        self.state: Any = None
        self.losses: list[Tensor] = []

    def step(self, index: int) -> None:
        """Train on the batch of this number."""
        loss = self._loss(index)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.parameters, self.clip)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.losses.append(loss.detach())

    def _loss(self, index: int) -> Tensor:
        indices = slice(index * self.steps, (index + 1) * self.steps)
        with autocast(self.precision):
            x = self.table(self.inputs[indices])
            y, state = self.layers(x, self.state)
            logits = self.head(y)
        self.state = tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()
        return functional.cross_entropy(logits.flatten(0, 1).float(), self.targets[indices].flatten())

    def works(self) -> bool:
        """Whether torch has this on this CPU; nothing is left of the try."""
        try:
            self._loss(0).backward()  # type: ignore[no-untyped-call]
        except RuntimeError:
            return False
        finally:
            self.optimizer.zero_grad()
            self.state = None
        return True


def ways(case: Case, network: nn.Module, tokens: Any, settings: TrainingSettings) -> list[PlainStep]:
    """Those that torch has in this precision: for bfloat16 under autocast, and in float32 where that is faster."""
    half = case.precision == "bfloat16"
    precisions: tuple[Precision, ...] = ("bfloat16", "float32") if half and has_bfloat16() else ("float32",)
    names = {"bfloat16": "autocast", "float32": "float32"}
    found = []
    for precision in precisions:
        variant = names[precision] if half else None
        side = PlainStep(case, network, tokens, settings, variant=variant, precision=precision)
        if side.works():
            found.append(side)
    return found
