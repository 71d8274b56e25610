"""Intervals that learn from the forecasts before, and forecasts that read their own steps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from recurra.data.series.intervals import at_levels, factor, known_at, scores
from recurra.data.series.windows import Origins
from recurra.tasks.forecast.data import ForecastData
from recurra.tasks.forecast.forecasting import calibrated, forecast
from recurra.topologies.forecaster import Forecaster

Prepare = Callable[..., ForecastData]

LEVELS = (0.1, 0.5, 0.9)


def network(data: ForecastData) -> Forecaster:
    from recurra.tasks.forecast.settings import DEFAULTS
    from recurra.tasks.forecast.trainee import ForecastTrainee

    torch.manual_seed(0)
    made = data.preprocessor
    found = Forecaster(
        made.window, made.block, made.widths, made.levels, DEFAULTS.settings.network, by_window=made.by_window
    )
    ForecastTrainee(found, data, batch_size=8, seed=0)
    return found.eval()


def test_scores_by_hand() -> None:
    quantiles = np.array([[[[0.0, 1.0, 3.0]], [[0.0, 1.0, 3.0]]]])
    assert scores(quantiles, np.array([[[2.0], [-1.0]]]), LEVELS)[0, :, 0].tolist() == [0.5, 2.0]


def test_only_what_was_known_at_an_origin_counts() -> None:
    """Of forecasts of 3 steps from 10, 11, 12, 13 at origin 13: all of the first, 2 steps, 1 step, nothing."""
    found = np.arange(12.0).reshape(4, 3, 1)
    known, whole = known_at(found, np.array([10, 11, 12, 13]), 13, 100)
    assert known.tolist() == [0, 1, 2, 3, 4, 6]
    assert whole == 1
    assert known_at(found, np.array([10, 11, 12, 13]), 13, 2)[0].tolist() == [3, 4, 6]


def test_a_factor_covers_the_share_and_is_careful_with_few() -> None:
    known = np.arange(1, 201) / 100
    assert factor(known, 0.8, 10**9) == pytest.approx(1.6, abs=0.01)
    assert factor(known, 0.8, 4) == 2.0
    assert factor(known[:50], 0.8, 4) is None


def test_the_future_never_changes_a_forecast(series: Path, prepared: Prepare) -> None:
    data = prepared(series)
    net, part = network(data), data.part("test")
    first = part.origins[slice(0, 1)]
    before, _ = calibrated(net, part.encoded, first)
    changed = data.encoded
    step = int(first.step[0])
    for array in (changed.values, changed.target, changed.truth):
        array[step:] = 1e3
    after, _ = calibrated(net, changed, first)
    assert (before == after).all()


def test_an_answer_does_not_depend_on_the_others(series: Path, prepared: Prepare) -> None:
    data = prepared(series)
    net, origins = network(data), data.part("validation").origins
    together, _ = calibrated(net, data.encoded, origins)
    alone = np.concatenate([calibrated(net, data.encoded, origins[slice(k, k + 1)])[0] for k in range(len(origins))])
    assert np.allclose(together, alone, rtol=1e-5)


def test_longer_horizons_read_their_own_steps(series: Path, prepared: Prepare) -> None:
    data = prepared(series)
    net = network(data)
    origins = Origins(np.array([0]), np.array([90]))
    short, long = (forecast(net, data.encoded, origins, steps) for steps in (4, 11))
    assert long.shape == (1, 11, 1, 5)
    assert (np.diff(long, axis=-1) >= 0).all()
    again = forecast(net, data.encoded, origins, 11)
    assert (long == again).all()
    width = long[0, :, 0, -1] - long[0, :, 0, 0]
    assert np.abs(long[0, :4, 0, 2] - short[0, :, 0, 2]).max() < 0.3 * width[:4].max()


def test_values_between_levels_are_on_a_line() -> None:
    quantiles = np.tile(np.array([0.0, 1.0, 3.0]), (4, 2, 1, 1))
    found = at_levels(quantiles, np.array(LEVELS), np.array([0.1, 0.3, 0.7, 1.0]))
    assert found[:, 0, 0].tolist() == pytest.approx([0.0, 0.5, 2.0, 3.5])
