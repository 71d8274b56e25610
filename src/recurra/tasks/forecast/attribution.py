"""What in a window speaks for the forecast: the recurrent layers and the linear skip apart."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from recurra.errors import UnknownNameError, UsageError
from recurra.tasks.differentiable import Differentiable
from recurra.tasks.forecast.forward_pass import last_window
from recurra.tasks.forecast.model import Forecaster
from recurra.topologies.forecaster import Forecaster as Network

BASELINES = {
    "last": "a window that is its last value throughout; covariates and dates as they are",
    "mean": "a window that is its mean throughout; covariates and dates as they are",
}


def attribution(
    model: Forecaster, given: Any, *, at: int | None = None, against: str = "last", **options: Any
) -> Differentiable:
    """at: how many steps ahead, from 1; the mean of all steps that the network forecasts at once if None

    Errors: UsageError, DataError as in forecasting; UnknownNameError
    """
    network = model.network
    assert isinstance(network, Network)
    if against not in BASELINES:
        raise UnknownNameError("baseline", against, BASELINES)
    if at is not None and (isinstance(at, bool) or not isinstance(at, int) or not 1 <= at <= network.horizon):
        raise UsageError(f"at must be steps ahead, from 1 to {network.horizon}, got {at!r}")
    made, read = model.preprocessor, last_window(model, given, **options)
    windows = read.windows
    point = windows.values[0]
    level = point[-1:] if against == "last" else point.mean(0, keepdim=True)

    def scores(points: Tensor) -> Tensor:
        several = {name: value.expand(len(points), *value.shape[1:]) for name, value in vars(windows).items()}
        parts = network.medians(replace(windows, **several | {"values": points}))
        chosen = [part.mean(1) if at is None else part[:, at - 1] for part in parts]
        return torch.stack(chosen, -1)

    when = f"the mean of the {network.horizon} steps ahead" if at is None else f"step {at} ahead"
    transform = made.transform.name
    units = "" if transform == "none" else f", on the scale of {transform} that the network reads"
    columns = list(made.columns.target)
    return Differentiable(
        read.times,
        point,
        level.expand_as(point),
        BASELINES[against],
        f"median forecast, {when}{units}",
        columns,
        scores,
        ["recurrent network", "linear skip" if network.perceptron is None else "linear skip and perceptron"],
        channels=columns,
    )
