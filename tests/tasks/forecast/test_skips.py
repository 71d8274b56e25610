"""What stands beside a forecaster's network, and when it is a perceptron too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from recurra.baselines.forecast.ridge import fit_path
from recurra.data.series.windows import Origins
from recurra.tasks.forecast.choosing import apart
from recurra.tasks.forecast.data import ForecastData
from recurra.tasks.forecast.encoded import encode
from recurra.tasks.forecast.settings import DEFAULTS
from recurra.tasks.forecast.skips import FOLDS, Skip, linear_parts, values_of
from recurra.tasks.forecast.task import TASK
from recurra.tasks.forecast.trainee import ForecastTrainee
from tests.tasks.forecast.conftest import Prepare

FREE = {"window": None, "transform": "auto", "time": "none", "horizon": 3}


def written(path: Path, values: np.ndarray) -> Path:
    path.write_text("value\n" + "".join(f"{value:.6f}\n" for value in values), encoding="utf-8")
    return path


def logistic(count: int = 300) -> np.ndarray:
    course = [0.3]
    while len(course) < count:
        course.append(3.7 * course[-1] * (1 - course[-1]))
    return np.array(course)


def error(data: ForecastData, skip: Skip) -> float:
    """The mean absolute error of a skip alone, of the test part."""
    part, made = data.part("test"), data.preprocessor
    inputs, _, last, scale = linear_parts(part.encoded, part.origins)
    found = values_of(skip.predict(inputs), last, scale, made)
    return float(np.nanmean(np.abs(found - part.encoded.true(part.origins))))


def test_a_series_that_bends_is_read_by_level_with_a_perceptron(tmp_path: Path, prepared: Prepare) -> None:
    data = prepared(written(tmp_path / "map.csv", logistic()), **FREE)
    made = data.preprocessor
    assert made.by_level
    assert made.drawn_units
    assert any("a perceptron that reads the newest" in note for note in data.notes)
    other, ridge = data.linear
    assert other.drawn_units == 0
    assert ridge.perceptron is None
    linear = replace(data, encoded=encode(data.encoded.panel, other))
    assert error(data, data.skip) < 0.3 * error(linear, ridge)
    again = type(made).from_json(made.to_json())
    assert again.to_json() == made.to_json()
    assert (again.drawn_steps, again.by_level, again.centres) == (made.drawn_steps, True, made.centres)


@pytest.mark.parametrize("kind", ["walk", "line"])
def test_a_series_that_does_not_bend_is_not(tmp_path: Path, prepared: Prepare, kind: str) -> None:
    noise = np.random.default_rng(1).normal(size=300)
    values = 50 + noise.cumsum() if kind == "walk" else 50 + 0.5 * np.arange(300) + noise
    data = prepared(written(tmp_path / "series.csv", values), **FREE)
    assert data.skip.perceptron is None
    assert not {"drawn_units", "drawn_steps"} & data.preprocessor.to_json().keys()


def test_of_a_random_walk_the_last_value_is_repeated(tmp_path: Path, prepared: Prepare) -> None:
    """The regression, of which it takes the place, is still there to be beaten."""
    values = 50 + np.random.default_rng(4).normal(size=300).cumsum()
    data = prepared(written(tmp_path / "walk.csv", values), **FREE | {"transform": "none"})
    assert data.skip.still
    part = data.part("test")
    inputs, _, last, scale = linear_parts(part.encoded, part.origins)
    assert (values_of(data.skip.predict(inputs), last, scale, data.preprocessor) == last[:, None]).all()
    assert data.skip.refitted(inputs, np.ones((len(inputs), 3))) is data.skip
    _, ridge = data.linear
    assert ridge.ridge.weight.any()
    assert any("the last value alone has lower errors" in note for note in data.notes)


def test_a_perceptron_of_a_whole_window_is_trained_where_drawn_units_cannot_learn_it(
    tmp_path: Path, prepared: Prepare
) -> None:
    """Each 28 days a day of the week is left out: the window shows when."""
    step = np.arange(400)
    week = 100 + 10.0 * ((step + step // 28) % 7) + np.random.default_rng(0).normal(size=400)
    data = prepared(written(tmp_path / "week.csv", week), **FREE | {"horizon": 5, "window": 28, "transform": "none"})
    perceptron = data.skip.perceptron
    assert perceptron is not None
    assert perceptron.trained
    assert data.preprocessor.drawn_steps == 28
    other, ridge = data.linear
    assert error(data, data.skip) < 0.9 * error(replace(data, encoded=encode(data.encoded.panel, other)), ridge)
    inputs, targets, _, _ = linear_parts(data.encoded, data.part("train").origins)
    found = data.skip.cross_fitted(inputs, targets.reshape(len(targets), -1), 5)
    assert np.isfinite(found).all()


def test_a_fold_is_forecast_by_what_has_not_seen_it() -> None:
    rng = np.random.default_rng(0)
    inputs, targets = rng.normal(size=(100, 3)), rng.normal(size=(100, 2))
    skip = Skip(next(fit_path(inputs, targets, (0.1,))))
    changed = targets.copy()
    changed[15:27] += 100.0
    found, other = (skip.cross_fitted(inputs, each, 5) for each in (targets, changed))
    assert FOLDS == 5
    assert np.allclose(found[20:22], other[20:22])
    assert not np.allclose(found[40:60], other[40:60])


def test_a_network_learns_what_such_skips_leave(series: Path, prepared: Prepare) -> None:
    data = prepared(series)
    torch.manual_seed(0)
    network = TASK.network(data.preprocessor, DEFAULTS.settings)
    trainee = ForecastTrainee(network, data, batch_size=8, seed=0)
    some = trainee.origins[:8]
    inputs, targets, _, _ = linear_parts(data.encoded, trainee.origins)
    flat = targets.reshape(len(targets), -1)
    left = np.abs(data.skip.cross_fitted(inputs, flat, 4) - flat)
    assert left.mean() > np.abs(data.skip.predict(inputs) - flat).mean()
    assert trainee.aside is not None
    honest = trainee.loss(network.eval(), some, None).mean.item()
    trainee.aside = None
    assert honest != pytest.approx(trainee.loss(network, some, None).mean.item())


def test_forecasts_of_the_same_steps_count_as_one() -> None:
    def origins(*steps: list[int]) -> Origins:
        return Origins(np.repeat(np.arange(len(steps)), [len(one) for one in steps]), np.concatenate(steps))

    assert apart(origins([7]), 12) == 1
    assert apart(origins([7, 8, 9]), 12) == 1
    assert apart(origins(list(range(24))), 12) == 2
    assert apart(origins([0, 12, 24]), 12) == 3
    assert apart(origins([0, 50, 100]), 12) == 3
    assert apart(origins([7], [8], [9, 10]), 12) == 3
