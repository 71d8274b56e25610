"""Dynamic evaluation: weights that go on learning from a text, each part of it after it was predicted."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from recurra.engines.request import State
from recurra.tasks.language.trainee import Tokens
from recurra.topologies.many_to_many import NextToken

CHUNK = {"word": 20, "bpe": 20, "char": 50, "byte": 50}
"""Tokens between two steps."""
LOOKED_AT = 200
"""Places of the training text from which the size of gradients is known."""


@dataclass(frozen=True)
class Dynamic:
    """How the weights go on learning.

    Maths:  w <- w - rate g / (r + mean r) + min(1, decay r / mean r) (w_0 - w), after every `chunk` tokens; g their
            mean loss's gradient, r of each weight the root mean square of its gradients on training text, w_0 as it was
            trained
    Source: Krause et al. 2018, Dynamic evaluation of neural sequence models
    """

    rate: float
    decay: float
    chunk: int
    sizes: Mapping[str, Tensor]
    """r by the names of the weights."""

    @property
    def mean(self) -> float:
        """Of r over all weights."""
        return float(sum(r.double().sum() for r in self.sizes.values()) / sum(r.numel() for r in self.sizes.values()))


class Adapting:
    """A copy of a network that learns from what it reads; the network itself stays as it is."""

    def __init__(self, network: NextToken, how: Dynamic) -> None:
        self.how, self._mean = how, how.mean
        with torch.inference_mode(False):  # a caller's own mode would leave weights that nothing is learned of
            self.network = copy.deepcopy(network).eval()
            self._trained = {n: p.detach().clone() for n, p in self.network.named_parameters() if n in how.sizes}

    def read(self, inputs: Tensor, targets: Tensor, state: State | None) -> tuple[Tensor, Tensor, State]:
        """Predict a chunk, then learn from it: -> losses in nats, outputs and state from before the step.

        Shapes: inputs and targets int64 [T] -> [T], [T, H]
        """
        with torch.inference_mode(False), torch.enable_grad():
            before = None if state is None else tuple(part.clone() for part in state)
            losses, y, state = _losses(self.network, inputs.clone(), targets.clone(), before)
            torch.autograd.backward(losses.mean())
        self._learn()
        return losses.detach(), y.detach(), tuple(part.detach() for part in state)

    @torch.no_grad()
    def _learn(self) -> None:
        for name, weight in self.network.named_parameters():
            if weight.grad is None or name not in self._trained:
                continue
            size = self.how.sizes[name]
            weight.addcdiv_(weight.grad, size + self._mean, value=-self.how.rate)
            if self.how.decay:
                back = (size * (self.how.decay / self._mean)).clamp(max=1.0)
                weight.addcmul_(back, self._trained[name] - weight)
            weight.grad = None


def sizes_of(network: NextToken, tokens: Tokens, chunk: int) -> dict[str, Tensor]:
    """Of each weight that learns the root mean square of its gradient over chunks of a text, evenly spread."""
    own = copy.deepcopy(network).eval()
    squares = {name: torch.zeros_like(p) for name, p in own.named_parameters() if p.requires_grad}
    device = next(own.parameters()).device
    last = max(0, len(tokens) - 2 * chunk - 1)
    spots = np.unique(np.linspace(0, last, LOOKED_AT).astype(np.int64))
    for place in spots:
        some = torch.from_numpy(tokens[place : place + 2 * chunk + 1].astype(np.int64)).to(device)
        before = min(chunk, len(some) - 2)
        with torch.no_grad():
            state = own.hidden(some[None, :before])[1] if before > 0 else None
        before = max(before, 0)
        torch.autograd.backward(_losses(own, some[before:-1], some[before + 1 :], state)[0].mean())
        for name, weight in own.named_parameters():
            if weight.grad is not None and name in squares:
                squares[name].addcmul_(weight.grad, weight.grad)
                weight.grad = None
    return {name: (total / len(spots)).sqrt_() for name, total in squares.items()}


def _losses(network: NextToken, inputs: Tensor, targets: Tensor, state: State | None) -> tuple[Tensor, Tensor, State]:
    losses, y, state = network.losses_and_outputs(inputs[None], targets[None], state=state)
    return losses[0], y[0], state
