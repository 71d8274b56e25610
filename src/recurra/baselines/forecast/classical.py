"""AutoETS, AutoTheta and AutoARIMA of statsforecast, where it is installed."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

NAMES = ("AutoETS", "AutoTheta", "AutoARIMA")
LONGEST_SEASON, LONGEST = 24, 500
"""Of longer seasons these methods make nothing in useful time; of longer histories the end is taken. Units: steps"""


def installed() -> bool:
    """Whether the extra `classical` is there."""
    return importlib.util.find_spec("statsforecast") is not None


def classical_forecasts(name: str, histories: Iterator[Floats], horizon: int, season: int) -> list[Floats]:
    """The forecast after each history, refitted at each.

    season: longer ones than LONGEST_SEASON are taken for none
    Shapes: histories [T] without NaN -> [horizon] each
    """
    from statsforecast import models  # type: ignore[import-not-found, unused-ignore]

    period = season if 1 < season <= LONGEST_SEASON else 1
    found = []
    for history in histories:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            forecast = getattr(models, name)(season_length=period).forecast(y=history[-LONGEST:], h=horizon)
        found.append(np.asarray(forecast["mean"], dtype=np.float64))
    return found
