"""A forecaster to be trained."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from recurra.data.series.intervals import factor, outer, scores
from recurra.data.series.windows import Origins
from recurra.engines.request import State
from recurra.tasks.cutting import LEAST_LOOKED_AT
from recurra.tasks.forecast.data import ForecastData
from recurra.tasks.forecast.encoded import Encoded
from recurra.tasks.forecast.forecasting import forecast
from recurra.tasks.forecast.skips import linear_parts, thinned
from recurra.topologies.forecaster import Forecaster, ForecasterBatch
from recurra.topologies.sequence_model import Loss

Floats = npt.NDArray[np.float64]

WINDOWS_FOR_A_WEIGHT = 20
"""Windows for each input of the skip, and each unit of its perceptron, from which its linear part is trained too."""
MOST_STEPS = 1000
"""Batches of an epoch, at most: of more windows, each epoch sees others."""
MOST_EVALUATED = 3000
"""Windows that an evaluation looks at, at most."""


class ForecastTrainee:
    """See training.trainee.Trainee. An evaluation also sets how far the network's quantiles are widened."""

    unit = "windows"
    chosen_by = ("loss",)

    def __init__(self, network: Forecaster, data: ForecastData, *, batch_size: int, seed: int) -> None:
        self.network: nn.Module = network
        self.data, self.encoded, self.seed, self.batch_size = data, data.encoded, seed, batch_size
        self.origins = _with_targets(data, data.part("train").origins)
        self.held_out = validated(data)
        self.evaluation_units = len(self.held_out)
        # of many windows the absolute error teaches the skip what squares did not; of few it only forgets its penalty
        many = len(self.origins) >= WINDOWS_FOR_A_WEIGHT * (network.skip.in_features + network.drawn.units)
        network.skip.requires_grad_(many)
        self.aside: Tensor | None = None
        if data.fresh:
            _start(network, data)
            self.aside = None if many else _aside(data, self.origins)

    def steps(self, epoch: int) -> int:
        return min(-(-len(self.origins) // self.batch_size), MOST_STEPS)

    def batches(self, epoch: int) -> Iterator[Origins]:
        order = np.random.default_rng([self.seed, epoch]).permutation(len(self.origins))
        for step in range(self.steps(epoch)):
            yield self.origins[order[step * self.batch_size : (step + 1) * self.batch_size]]

    def costs(self, batch: Origins) -> npt.NDArray[Any]:
        return np.ones(len(batch))

    def rows(self, batch: Origins, rows: slice) -> Origins:
        return batch[rows]

    def weight(self, batch: Origins) -> int:
        """Its known values."""
        return int((~self.encoded.targets(batch).isnan()).sum())

    def loss(self, network: Forecaster, batch: Origins, state: State | None) -> Loss:
        device = next(network.parameters()).device
        windows, targets = self.encoded.windows(batch).to(device), self.encoded.targets(batch).to(device)
        aside = None
        if self.aside is not None:
            aside = self.aside[self.encoded.offset[batch.series] + batch.step].to(device)
        return network.loss(ForecasterBatch(windows, targets, aside), state)

    @torch.no_grad()
    def evaluate(self, network: nn.Module) -> dict[str, float]:
        inner, made = _inner(network), self.encoded.preprocessor
        found, how_far = widen(inner, self.encoded, self.held_out)
        targets, scale = self.encoded.targets(self.held_out), self.encoded.scale[self.held_out.series]
        loss = inner.loss_of(torch.from_numpy(found).float(), targets, torch.from_numpy(scale).float())
        true = targets.double().numpy()
        median = found[..., made.levels.index(0.5)]
        size = scale[:, None]
        low, high, _ = outer(made.levels)
        known = ~np.isnan(true)
        return {
            "loss": float(loss),
            "scaled_mae": float(np.nanmean(np.abs(median - true) / size)),
            "coverage": float(np.mean(how_far[known] <= 1.0)) if high > low else 1.0,
        }

    def limit_evaluation(self, units: int) -> int:
        self.held_out = validated(self.data, units)
        return len(self.held_out)

    def rank(self, metrics: dict[str, float]) -> list[float]:
        return [metrics["loss"]]


def validated(data: ForecastData, units: int | None = None) -> Origins:
    """Of the validation part, what an evaluation looks at. units: about so many, where it must be shorter"""
    most = MOST_EVALUATED if units is None else min(MOST_EVALUATED, max(units, LEAST_LOOKED_AT))
    return thinned(_with_targets(data, data.part("validation").origins), most)


@torch.no_grad()
def widen(network: Forecaster, encoded: Encoded, origins: Origins) -> tuple[Floats, Floats]:
    """Set how far its quantiles are widened, so that as many of these forecasts hold as should.

    Shapes: -> quantiles before that, transformed [N, H, K, Q]; of each true value how far it lies from them [N, H, K]
    """
    made = encoded.preprocessor
    network.widening.fill_(1.0)
    found = forecast(network, encoded, origins, made.block)
    share = outer(made.levels)[2]
    how_far = scores(found, encoded.targets(origins).double().numpy(), made.levels)
    wide = factor(how_far, share, len(origins)) if share > 0 else None
    network.widening.fill_(wide or 1.0)
    return found, how_far


def _start(network: Forecaster, data: ForecastData) -> None:
    ridge, drawn = data.skip.ridge, data.skip.perceptron
    perceptron = None
    if drawn is not None:
        perceptron = (drawn.weight, drawn.bias), (drawn.output.weight, drawn.output.bias), (drawn.low, drawn.high)
    network.start_from((ridge.weight, ridge.bias), perceptron, data.residuals)


def _aside(data: ForecastData, origins: Origins) -> Tensor:
    """Of each window of training, what a skip says that was fitted to others, by its place in the series' array.

    A skip leaves less of what it was fitted to than of what comes; a network that learned from that would have nothing
    to learn, and intervals as narrow as that.
    Shapes: -> [all steps, H, K]
    """
    made, encoded = data.preprocessor, data.encoded
    inputs, targets, _, _ = linear_parts(encoded, origins)
    found = data.skip.cross_fitted(inputs, targets.reshape(len(targets), -1), made.block)
    whole = torch.zeros(len(encoded.target), made.block, targets.shape[-1])
    rows = torch.from_numpy(encoded.offset[origins.series] + origins.step)
    whole[rows] = torch.from_numpy(found).float().view(len(found), made.block, -1)
    return whole


def _with_targets(data: ForecastData, origins: Origins) -> Origins:
    """Those whose horizon has a known value."""
    start = data.encoded.offset[origins.series] + origins.step
    known = ~np.isnan(data.encoded.target).all(1)
    ahead = np.concatenate([[0], np.cumsum(known)])
    return origins[np.flatnonzero(ahead[start + data.preprocessor.block] > ahead[start])]


def _inner(network: nn.Module) -> Forecaster:
    inner = network.module if hasattr(network, "module") else network
    assert isinstance(inner, Forecaster)
    return inner
