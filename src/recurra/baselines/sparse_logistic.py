"""Logistic regression over features of which a row has few: n-grams of a text, what stands around a token."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from recurra.errors import ShapeError
from recurra.layers.sparse_linear import MOST_FEATURES, Found, Sparse, known, outputs

MOST_WEIGHTS = 1 << 24
"""Of more features the ones in the most rows are kept, and fewer where there are many classes."""
RATES = (0.3, 0.1)
"""The second is tried where the first was at its best at once."""
EPOCHS, PATIENCE, BATCH = 30, 2, 128
SMALL = 1e-8
CHUNK = 1 << 22
"""Weights that are added at once where many rows are looked at."""


@dataclass(frozen=True)
class SparseLogistic:
    """What each feature speaks for.

    Maths:  p(c | row) = softmax(b + W v)_c, v as layers.sparse_linear.SparseLinear says
    Learned by AdaGrad; rate and epoch are those of the lowest loss on rows that were not learned from.
    Source: Duchi, Hazan & Singer 2011, Adaptive subgradient methods for online learning and stochastic optimization
    Shapes: keys int64 [F], scale [F], weight [F, C], bias [C]
    """

    keys: Tensor
    scale: Tensor
    weight: Tensor
    bias: Tensor
    cut: float | None = None
    """Passes over the rows after which the time was over, if it was."""

    def log_probabilities(self, found: Found) -> Tensor:
        """Shapes: -> [N, C], nats"""
        return self.outputs(found).log_softmax(-1)

    def outputs(self, found: Found) -> Tensor:
        """Shapes: -> [N, C]"""
        return _outputs(known(found, self.keys, self.scale), self.weight, self.bias)

    def size_bytes(self) -> int:
        """Of keys, scales and weights on disk."""
        return sum(each.numel() * each.element_size() for each in (self.keys, self.scale, self.weight, self.bias))


def choose_features(found: Found, classes: int, *, by_rarity: bool) -> tuple[Tensor, Tensor]:
    """The features worth a weight, by the rows that have them, and how much each counts.

    by_rarity: as the inverse document frequency 1 + log((1 + N) / (1 + n)); without it all count 1
    Shapes: -> keys int64 [F], rising; scale [F]
    """
    keys, counts = rows_having(found)
    most = max(1, min(MOST_FEATURES, MOST_WEIGHTS // classes))
    if len(keys) > most:
        kept = torch.argsort(counts, descending=True, stable=True)[:most].sort().values
        keys, counts = keys[kept], counts[kept]
    scale = 1 + ((1 + found.total) / (1 + counts.double())).log() if by_rarity else torch.ones(len(keys))
    return keys, scale.float()


def rows_having(found: Found) -> tuple[Tensor, Tensor]:
    """All different features, rising, and in how many rows each is. Shapes: -> int64 [F], int64 [F]"""
    several = []
    for some in found.pieces():
        keys, indices = torch.unique(some.keys, return_inverse=True)
        pairs = torch.unique(some.rows * len(keys) + indices)
        several.append((keys, torch.bincount(pairs % max(len(keys), 1), minlength=len(keys))))
    if len(several) == 1:
        return several[0]
    keys, indices = torch.unique(torch.cat([keys for keys, _ in several]), return_inverse=True)
    return keys, torch.zeros_like(keys).index_add_(0, indices, torch.cat([counts for _, counts in several]))


def fit(
    features: tuple[Tensor, Tensor],
    train: tuple[Found, Tensor],
    validation: tuple[Found, Tensor],
    classes: int,
    *,
    paces: Tensor | None = None,
    seed: int = 0,
    batch: int = BATCH,
    seconds: float | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> SparseLogistic:
    """features: as `choose_features` gives them; train, validation: rows and their classes, int64 [N]; paces: factors
    of the learning rate of each weight [F, C]; seconds: after which it is left as it is then.

    Errors: ShapeError for rows and classes that are not as many
    """
    for found, labels in (train, validation):
        if found.total != len(labels):
            raise ShapeError(f"expected a class for each of {found.total} rows, got {len(labels)}")
    end = math.inf if seconds is None else clock() + seconds
    rows, held_out = known(train[0], *features), known(validation[0], *features)

    def over() -> bool:
        return end < math.inf and clock() >= end

    def lost(weight: Tensor, bias: Tensor) -> float:
        return float(functional.cross_entropy(_outputs(held_out, weight, bias), validation[1]))

    best: _Best | None = None
    shape = len(features[0]), classes
    for rate in RATES:
        tried = _stopped(descent(rows, train[1], shape, rate, over, paces=paces, seed=seed, batch=batch), lost)
        best = tried if best is None or tried.loss < best.loss else best
        if tried.epoch > 1 or over():
            break
    assert best is not None
    return SparseLogistic(*features, best.weight, best.bias, best.cut)


@dataclass(frozen=True)
class _Best:
    loss: float
    epoch: int
    weight: Tensor
    bias: Tensor
    cut: float | None


def _stopped(epochs: Iterator[Learned], lost: Callable[[Tensor, Tensor], float]) -> _Best:
    """The epoch of the lowest loss, until it rises."""
    best: _Best | None = None
    for epoch, (weight, bias, cut) in enumerate(epochs):
        loss = lost(weight, bias)
        if best is None or loss < best.loss:
            best = _Best(loss, epoch, weight.clone(), bias.clone(), cut)
        elif epoch - best.epoch >= PATIENCE:
            break
        best = replace(best, cut=cut)
    assert best is not None
    return best


class Learned(NamedTuple):
    """Weights after an epoch, which the next changes in place; cut: passes after which the time was over, if it was.

    Shapes: weight [F, C], bias [C]
    """

    weight: Tensor
    bias: Tensor
    cut: float | None


def descent(
    rows: Sparse,
    labels: Tensor,
    shape: tuple[int, int],
    rate: float,
    over: Callable[[], bool] = lambda: False,
    *,
    paces: Tensor | None,
    seed: int = 0,
    batch: int = BATCH,
) -> Iterator[Learned]:
    """AdaGrad, of which only the weights of features that occur are touched, for up to EPOCHS."""
    weight, bias = torch.zeros(shape), torch.zeros(shape[1])
    squares, bias_squares = torch.full_like(weight, SMALL), torch.full_like(bias, SMALL)
    for epoch in range(EPOCHS):
        order = torch.from_numpy(np.random.default_rng([seed, epoch]).permutation(len(rows)))
        cut = None
        for number, chosen in enumerate(torch.split(order, batch), start=1):
            _learn(rows.taken(chosen), labels[chosen], (weight, squares), (bias, bias_squares), rate, paces)
            if over():
                cut = epoch + min(1.0, number * batch / len(rows))
                break
        yield Learned(weight, bias, cut)
        if cut is not None:
            break


@torch.no_grad()
def _learn(
    some: Sparse,
    labels: Tensor,
    weights: tuple[Tensor, Tensor],
    biases: tuple[Tensor, Tensor],
    rate: float,
    paces: Tensor | None,
) -> None:
    """One step. weights, biases: they and the sums of their squared slopes"""
    (weight, squares), (bias, bias_squares) = weights, biases
    wrong = outputs(some, weight, bias).softmax(-1)
    wrong[torch.arange(len(labels)), labels] -= 1
    wrong /= len(labels)
    here, indices = torch.unique(some.features, return_inverse=True)
    each = wrong[some.owners()] * some.values.unsqueeze(1)
    slope = torch.zeros(len(here), weight.shape[1]).index_add_(0, indices, each)
    squared = squares[here] + slope * slope
    squares[here] = squared
    step = rate * slope / squared.sqrt()
    weight[here] -= step if paces is None else step * paces[here]
    slope = wrong.sum(0)
    bias_squares += slope * slope
    bias -= rate * slope / bias_squares.sqrt()


def _outputs(rows: Sparse, weight: Tensor, bias: Tensor) -> Tensor:
    """As `outputs`, some rows at a time."""
    size = max(1, CHUNK // weight.shape[1])
    parts, start = [], 0
    while start < len(rows):
        end = int(torch.searchsorted(rows.starts, rows.starts[start] + size, right=True)) - 1
        end = min(max(end, start + 1), len(rows))
        parts.append(outputs(rows.taken(torch.arange(start, end)), weight, bias))
        start = end
    return torch.cat(parts) if parts else weight.new_zeros(0, weight.shape[1])
