"""What is done to a forecaster after its training: its recurrent layers move the median if validation asks for it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from recurra.data.series.windows import Origins
from recurra.tasks.forecast.choosing import SURE, apart
from recurra.tasks.forecast.encoded import Encoded
from recurra.tasks.forecast.evaluation import deviations
from recurra.tasks.forecast.forecasting import BLOCK
from recurra.tasks.forecast.trainee import widen
from recurra.topologies.forecaster import Forecaster
from recurra.training.processes.spread import spread

Floats = npt.NDArray[np.float64]

LEAST = 2.0**-20
"""What the recurrent layers' part of the median is multiplied with otherwise; weights can be had back to the bit."""
SHARE, WIDENING, MEDIAN = "recurrent_share", "widening", "median"
"""Numbers that config.json keeps: LEAST, what `widening` was, which of the quantiles is the median."""


class Gain(NamedTuple):
    """Mean absolute errors over each series' scale, of the linear forecast and of all; standard error of their
    difference, in which forecasts of the same steps count as one"""

    linear: float
    whole: float
    error: float

    @property
    def shown(self) -> bool:
        """Whether it is more than chance."""
        return self.linear - self.whole > SURE * self.error


def conclude(network: Forecaster, encoded: Encoded, origins: Origins) -> tuple[dict[str, float], list[str]]:
    """See tasks.abilities.Concluding. On few forecasts the best of many evaluations is better by chance.

    origins: of the validation part
    """
    found = gain(network, encoded, origins)
    if found is None or found.shown:
        return {}, []
    before, middle = float(network.widening), network.middle
    with torch.no_grad():
        for tensor in _medians_of(dict(network.named_parameters()), len(network.levels), middle):
            tensor.mul_(LEAST)
    widen(network, encoded, origins)
    alone = "the linear forecast stands alone"
    if network.perceptron is not None:
        alone = "the linear forecast and its perceptron stand alone"
    return {SHARE: LEAST, WIDENING: before, MEDIAN: middle}, [
        f"{alone}, with the network's intervals around it: on the validation part the recurrent layers change its mean "
        f"absolute error from {found.linear:.4g} to {found.whole:.4g} (as parts of "
        "the series' deviation), which forecasts that overlap so much cannot tell from chance"
    ]


def before_conclusion(weights: dict[str, Tensor], concluded: Mapping[str, float]) -> dict[str, Tensor]:
    """Stored weights as they were."""
    if SHARE not in concluded:
        return weights
    found = {name: tensor.clone() for name, tensor in weights.items()}
    for tensor in _medians_of(found, found["spread"].shape[-1] + 1, int(concluded[MEDIAN])):
        tensor.div_(concluded[SHARE])
    found["widening"].fill_(concluded[WIDENING])
    return found


def gain(network: Forecaster, encoded: Encoded, origins: Origins) -> Gain | None:
    """What the recurrent layers add to the linear forecast; None without a known value."""
    made = encoded.preprocessor
    truth, size = encoded.true(origins)[:, : made.block], deviations(encoded, origins)[:, None]
    known = ~np.isnan(truth)
    some = known.any((1, 2))
    if not some.any():
        return None

    def error(median: Floats) -> Floats:
        each = np.where(known, np.abs(made.transform.inverse(median) - truth) / size, 0.0)
        return np.asarray(each.sum((1, 2))[some] / known.sum((1, 2))[some])

    recurrent, linear = _medians(network, encoded, origins)
    alone, whole = error(linear), error(linear + recurrent)
    deviation = float((alone - whole).std(ddof=1)) if len(alone) > 1 else math.inf
    count = apart(origins[np.flatnonzero(some)], made.block)
    return Gain(float(alone.mean()), float(whole.mean()), deviation / math.sqrt(count))


def _medians(network: Forecaster, encoded: Encoded, origins: Origins) -> tuple[Floats, Floats]:
    """Of the recurrent layers and of the linear forecast, transformed. Shapes: -> [N, H, K] each"""
    network.eval()
    device = next(network.parameters()).device

    @torch.inference_mode()
    def of_block(start: int) -> Floats:
        windows = encoded.windows(origins[slice(start, start + BLOCK)]).to(device)
        return np.asarray(torch.stack(network.medians(windows)).double().cpu().numpy())

    recurrent, linear = np.concatenate(spread(range(0, len(origins), BLOCK), of_block), 1)
    return recurrent, linear


def _medians_of(weights: Mapping[str, Tensor | nn.Parameter], levels: int, middle: int) -> list[Tensor]:
    """The rows of the output layers that give the recurrent layers' part of the median, as views."""
    names = [f"{layer}.{kind}" for layer in ("head", "ahead.2") for kind in ("weight", "bias")]
    return [weights[name].view(-1, levels, *weights[name].shape[1:])[:, middle] for name in names if name in weights]
