"""Logistic regression and a perceptron with one hidden layer over rows of numbers."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

Floats = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1)
"""Tried on validation: of the squared weights, a mean over examples."""
ITERATIONS = 60
STEPS, BATCH, EVERY, RATE = 1500, 128, 100, 2e-3


class Feedforward:
    """Standardised rows, then layers of weights; what is best on validation is kept."""

    def __init__(self, network: nn.Module, mean: Floats, deviation: Floats) -> None:
        self.network, self.mean, self.deviation = network, mean, deviation

    def size_bytes(self) -> int:
        """Of the weights, as 32-bit numbers on disk."""
        return 4 * sum(weight.numel() for weight in self.network.parameters())

    def logits(self, rows: Floats) -> torch.Tensor:
        """[N, I] -> [N, C]"""
        x = torch.from_numpy(((rows - self.mean) / self.deviation).astype(np.float32))
        with torch.no_grad():
            found: torch.Tensor = self.network(x)
        return found

    def predict(self, rows: Floats) -> Int64:
        """[N, I] -> classes [N]"""
        return np.asarray(self.logits(rows).argmax(1).numpy(), np.int64)


def fit_logistic(rows: Floats, labels: Int64, classes: int, validation: tuple[Floats, Int64]) -> Feedforward:
    """Multinomial logistic regression by L-BFGS, its L2 penalty as validation likes it best.

    Shapes: rows [N, I], labels [N]; validation the same
    """
    mean, deviation = _scales(rows)
    x = torch.from_numpy(((rows - mean) / deviation).astype(np.float32))
    y, best, kept = torch.from_numpy(labels), math.inf, None
    for penalty in PENALTIES:
        network = nn.Linear(rows.shape[1], classes)
        nn.init.zeros_(network.weight)
        nn.init.zeros_(network.bias)
        optimizer = torch.optim.LBFGS(network.parameters(), max_iter=ITERATIONS, line_search_fn="strong_wolfe")

        def closure(
            network: nn.Linear = network, optimizer: torch.optim.Optimizer = optimizer, penalty: float = penalty
        ) -> torch.Tensor:
            optimizer.zero_grad()
            loss = functional.cross_entropy(network(x), y) + penalty * (network.weight**2).sum()
            loss.backward()  # type: ignore[no-untyped-call]
            return loss

        optimizer.step(closure)  # type: ignore[no-untyped-call]
        made = Feedforward(network, mean, deviation)
        if (found := _loss(made, validation)) < best or kept is None:
            best, kept = found, made
    assert kept is not None
    return kept


def fit_perceptron(
    rows: Floats, labels: Int64, classes: int, validation: tuple[Floats, Int64], *, hidden: int = 64, seed: int = 0
) -> Feedforward:
    """One hidden layer with dropout, Adam, the weights of the best of its evaluations. Shapes: as `fit_logistic`"""
    mean, deviation = _scales(rows)
    x = torch.from_numpy(((rows - mean) / deviation).astype(np.float32))
    y = torch.from_numpy(labels)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = nn.Sequential(
            nn.Linear(rows.shape[1], hidden), nn.ReLU(), nn.Dropout(0.2), nn.Linear(hidden, classes)
        )
        optimizer = torch.optim.Adam(network.parameters(), lr=RATE, weight_decay=1e-4, fused=True)
        made, best = Feedforward(network, mean, deviation), math.inf
        kept = {name: value.clone() for name, value in network.state_dict().items()}
        for step in range(STEPS):
            network.train()
            some = torch.randint(len(x), (min(BATCH, len(x)),))
            loss = functional.cross_entropy(network(x[some]), y[some])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            if (step + 1) % EVERY == 0:
                network.eval()
                if (found := _loss(made, validation)) < best:
                    best, kept = found, {name: value.clone() for name, value in network.state_dict().items()}
        network.load_state_dict(kept)
        network.eval()
    return made


def _scales(rows: Floats) -> tuple[Floats, Floats]:
    deviation = rows.std(0)
    return rows.mean(0), np.where(deviation > 1e-12, deviation, 1.0)


def _loss(made: Feedforward, validation: tuple[Floats, Int64]) -> float:
    return float(functional.cross_entropy(made.logits(validation[0]), torch.from_numpy(validation[1])))
