"""Small forecasters for the laws."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from recurra.topologies.forecaster import Drawn, Forecaster, ForecasterBatch, Widths, Windows
from recurra.topologies.settings import ForecasterSettings

WINDOW, HORIZON = 6, 3
LEVELS = (0.1, 0.5, 0.9)
SIZES: dict[str, Any] = {"hidden_size": 6, "num_layers": 2, "cell": "lstm", "dropout": 0.3}


def windows(batch: int, time: int) -> Windows:
    values = torch.randn(batch, WINDOW, 2).cumsum(1)
    none = torch.zeros(batch, WINDOW, 0)
    ahead = torch.randn(batch, WINDOW + HORIZON, 2)
    scale, centre = torch.ones(batch, 2), torch.full((batch, 2), 0.5)
    return Windows(values, torch.zeros_like(values), none, ahead, torch.zeros(batch, 0), scale, centre)


def pinball(network: Forecaster, quantiles: Tensor, batch: ForecasterBatch) -> tuple[Tensor, int]:
    over = batch.targets.unsqueeze(-1) - quantiles
    level = torch.tensor(LEVELS)
    each = torch.where(over > 0, level * over, (level - 1) * over).mean(-1)
    return 2 * each[~batch.targets.isnan()].mean(), len(quantiles)


def followed(windows: Windows, lengths: Tensor) -> ForecasterBatch:
    targets = torch.randn(len(lengths), HORIZON, 2)
    targets[0, 1, 0] = float("nan")
    return ForecasterBatch(windows, targets)


def forecaster() -> Forecaster:
    return Forecaster(WINDOW, HORIZON, Widths(2, ahead=2), LEVELS, ForecasterSettings(**SIZES))


def bending() -> Forecaster:
    """By level, with a perceptron beside the linear skip."""
    settings, drawn = ForecasterSettings(**SIZES), Drawn(5, 3)
    widths = Widths(2, ahead=2, further=1)
    made = Forecaster(WINDOW, HORIZON, widths, LEVELS, settings, by_window=False, by_level=True, drawn=drawn)
    assert made.perceptron is not None
    bounds = torch.full((HORIZON * widths.target,), 0.1)
    made.perceptron[-1].load_state_dict({"low": -bounds, "high": bounds})
    return made
