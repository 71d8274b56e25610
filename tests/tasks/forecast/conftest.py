"""Small series in files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from recurra.baselines.forecast import classical, perceptron
from recurra.tasks.forecast.data import ForecastData, prepare
from recurra.tasks.forecast.settings import DEFAULTS
from recurra.tasks.sources.source import Source

Prepare = Callable[..., ForecastData]


def write_monthly(path: Path, count: int = 96, seed: int = 0, name: str = "y") -> Path:
    """A trend, a season of 12 and noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(count)
    values = 50 + 0.3 * t + 8 * np.sin(2 * np.pi * t / 12) + rng.normal(size=count)
    months = np.datetime64("2010-01") + t
    rows = (f"{month},{value:.4f}\n" for month, value in zip(months, values, strict=True))
    path.write_text(f"ds,{name}\n{''.join(rows)}", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def quick_baselines() -> Iterator[None]:
    """Without the slow ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(classical, "installed", lambda: False)
        patch.setattr(perceptron, "STEPS", 40)
        yield


@pytest.fixture
def monthly() -> Callable[..., Path]:
    return write_monthly


@pytest.fixture
def series(tmp_path: Path) -> Path:
    return write_monthly(tmp_path / "series.csv")


@pytest.fixture
def prepared() -> Prepare:
    def made(path: Path, **given: object) -> ForecastData:
        settings = DEFAULTS.settings.changed(**{"horizon": 4, "window": 13, "transform": "none", **given})
        source = Source(path.stem, "forecast", "series", {"all": path})
        return prepare(source, settings.data, settings.network.normalise, None)

    return made
