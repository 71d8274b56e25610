"""When the recurrent layers of a forecaster move its median."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import recurra
from recurra.tasks.forecast.concluding import Gain, before_conclusion, conclude, gain
from recurra.tasks.forecast.data import ForecastData
from recurra.tasks.forecast.settings import DEFAULTS
from recurra.tasks.forecast.task import TASK
from recurra.tasks.forecast.trainee import ForecastTrainee, validated
from recurra.topologies.forecaster import Forecaster
from tests.tasks.forecast.conftest import Prepare


def network_of(data: ForecastData, moved: float) -> Forecaster:
    """With the linear forecast as its skip, and recurrent layers that move every step of the median by so much."""
    torch.manual_seed(0)
    network = TASK.network(data.preprocessor, DEFAULTS.settings)
    ForecastTrainee(network, data, batch_size=8, seed=0)
    with torch.no_grad():
        network.head.weight.normal_(std=0.01)
        network.head.bias.view(network.horizon, -1, len(network.levels))[..., network.middle] = moved
    return network.eval()


@pytest.mark.parametrize("moved", [0.5, -0.5])
def test_layers_that_only_move_it_away_are_left_out_and_can_be_had_back(
    prepared: Prepare, series: Path, moved: float
) -> None:
    data = prepared(series)
    network, origins = network_of(data, moved), validated(data)
    network.widening.fill_(1.25)
    windows = data.encoded.windows(origins)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    quantiles = network(windows)[0].detach()
    found, notes = conclude(network, data.encoded, origins)
    assert "the linear forecast stands alone" in notes[0]
    recurrent, linear = network.medians(windows)
    median = network(windows)[0][..., network.middle]
    torch.testing.assert_close(median, linear, rtol=0, atol=1e-4)
    assert recurrent.abs().max() < 1e-4
    # the distances of the quantiles from it are still the network's
    apart_now, apart_then = (each.diff(dim=-1) for each in (network(windows)[0], quantiles))
    ratio = apart_now / apart_then
    torch.testing.assert_close(ratio, ratio.mean().expand_as(ratio), rtol=1e-3, atol=0)
    after = before_conclusion({name: tensor.clone() for name, tensor in network.state_dict().items()}, found)
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


def test_layers_that_help_stay_as_they_are(prepared: Prepare, series: Path) -> None:
    data = prepared(series)
    network, origins = network_of(data, 0.0), validated(data)
    with torch.no_grad():
        network.skip.bias.sub_(0.5)
        network.head.bias.view(network.horizon, -1, len(network.levels))[..., network.middle] = 0.5
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    assert conclude(network, data.encoded, origins) == ({}, [])
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert before_conclusion(before, {}) is before


def test_a_gain_counts_from_more_than_chance_and_of_one_forecast_never(prepared: Prepare, series: Path) -> None:
    assert Gain(1.0, 0.9, 0.05).shown
    assert not Gain(1.0, 0.95, 0.05).shown
    assert not Gain(1.0, 1.1, 0.01).shown
    data = prepared(series)
    found = gain(network_of(data, 0.0), data.encoded, validated(data)[:1])
    assert found is not None
    assert not found.shown


@pytest.mark.usefixtures("quick_baselines")
def test_a_short_series_is_forecast_no_worse_than_by_its_ridge(series: Path, tmp_path: Path) -> None:
    run = recurra.train(series, task="forecast", out=tmp_path / "run", quiet=True, threads=1, horizon=12, epochs=2.0)
    ridge = next(each for each in run.metrics["baselines"] if each["name"].startswith("ridge"))
    if run.config["concluded"]:
        assert run.metrics["metrics"]["mase"] == pytest.approx(ridge["metrics"]["mase"], rel=1e-4)
    again = recurra.load(tmp_path / "run")
    assert again.evaluate()["mase"] == pytest.approx(run.metrics["metrics"]["mase"], rel=1e-6)
