"""Windowed multilayer perceptrons: what people do before they know about state."""

from __future__ import annotations

import itertools
import math
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

Floats = npt.NDArray[np.float64]

STEPS, BATCH, EVERY, RATE = 1000, 64, 25, 3e-3
PATIENCE = 12
"""Evaluations without a better one."""


def fit_perceptron(
    inputs: Floats,
    targets: Floats,
    validation: tuple[Floats, Floats],
    *,
    hidden: tuple[int, ...] = (64,),
    activation: Literal["relu", "tanh"] = "relu",
    seed: int = 0,
    steps: int | None = None,
) -> Perceptron:
    """Adam on the mean absolute error, the weights of the best of the evaluations on validation. steps: STEPS

    Shapes: inputs [N, W], targets [N, H], both scaled to about 1; validation the same. NaN in targets is left out.
    """
    generator = torch.Generator().manual_seed(seed)
    network = Perceptron(inputs.shape[1], targets.shape[1], hidden, activation, generator)
    x, y = (torch.tensor(each, dtype=torch.float32) for each in (inputs, targets))
    seen, wanted = (torch.tensor(each, dtype=torch.float32) for each in validation)
    optimizer = torch.optim.Adam(network.parameters(), lr=RATE, fused=True)
    steps = STEPS if steps is None else steps
    worse = 0
    best, kept = math.inf, {name: value.clone() for name, value in network.state_dict().items()}
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = RATE * (0.01 + 0.99 * (1 + math.cos(math.pi * step / steps)) / 2)
        rows = torch.randint(len(x), (min(BATCH, len(x)),), generator=generator)
        loss = _error(network(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if (step + 1) % EVERY == 0 or step + 1 == steps:
            with torch.no_grad():
                found = float(_error(network(seen), wanted))
            worse = 0 if found < best else worse + 1
            if found < best:
                best, kept = found, {name: value.clone() for name, value in network.state_dict().items()}
            if worse >= PATIENCE:
                break
    network.load_state_dict(kept)
    return network.eval()


class Perceptron(nn.Module):
    """Layers of weights from a window to all steps of a horizon."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        hidden: tuple[int, ...],
        activation: Literal["relu", "tanh"],
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        widths = (inputs, *hidden, outputs)
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(widths):
            layers += [nn.Linear(before, after), nn.Tanh() if activation == "tanh" else nn.ReLU()]
        self.layers = nn.Sequential(*layers[:-1])
        for layer in self.layers:
            if isinstance(layer, nn.Linear):
                bound = layer.in_features**-0.5
                with torch.no_grad():
                    layer.weight.uniform_(-bound, bound, generator=generator)
                    layer.bias.uniform_(-bound, bound, generator=generator)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shapes: x [N, W] -> [N, H]"""
        found: torch.Tensor = self.layers(x)
        return found

    def predict(self, inputs: Floats) -> Floats:
        """Shapes: inputs [N, W] -> [N, H]"""
        with torch.no_grad():
            return np.asarray(self(torch.tensor(inputs, dtype=torch.float32)).numpy(), dtype=np.float64)


def _error(found: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    known = ~wanted.isnan()
    return (found - torch.where(known, wanted, found)).abs().sum() / known.sum().clamp(min=1)
