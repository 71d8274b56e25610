"""From files to windows: what is chosen, what is told, what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from recurra.data.series.arrays import check_ahead
from recurra.errors import DataError, UsageError
from recurra.tasks.forecast.data import ForecastData
from recurra.tasks.forecast.encoded import encode
from recurra.tasks.forecast.preprocessor import Preprocessor

Prepare = Callable[..., ForecastData]
Write = Callable[..., Path]


def test_parts_follow_each_other_in_time(series: Path, prepared: Prepare) -> None:
    data = prepared(series, origins=3)
    train, validation, test = (data.part(name) for name in ("train", "validation", "test"))
    assert test.origins.step.tolist() == [84, 88, 92]
    assert train.origins.step.max() + 4 <= data.parts.train[0] <= validation.origins.step.min()
    assert validation.origins.step.max() + 4 <= 84
    assert data.facts["counts"] == {"train": len(train), "validation": len(validation), "test": 3}


def test_nothing_is_learned_from_what_comes_after_training(tmp_path: Path, monthly: Write, prepared: Prepare) -> None:
    """Other values in the test part change neither scales nor the linear forecast."""
    one = monthly(tmp_path / "one.csv")
    lines = one.read_text().splitlines()
    other = tmp_path / "other.csv"
    other.write_text("\n".join([*lines[:-12], *(f"{line.split(',')[0]},1e4" for line in lines[-12:])]))
    a, b = prepared(one, origins=3), prepared(other, origins=3)
    assert a.preprocessor.scales["y"] == b.preprocessor.scales["y"]
    assert (a.skip.ridge.weight == b.skip.ridge.weight).all()


def test_a_window_holds_what_was_known_and_nothing_else(series: Path, prepared: Prepare) -> None:
    data = prepared(series)
    part = data.part("test")
    windows, truth = part.encoded.windows(part.origins), part.encoded.true(part.origins)
    values = data.encoded.panel.series[0].target[:, 0]
    for row, (_, step) in enumerate(part.origins.each()):
        assert np.allclose(windows.values[row, :, 0].numpy(), values[step - 13 : step], atol=1e-4)
        assert np.allclose(truth[row, :, 0], values[step : step + 4])


def test_window_transform_and_scale_are_chosen_and_told(series: Path, prepared: Prepare) -> None:
    data = prepared(series, window=None, transform="auto")
    assert data.season.period == 12
    assert data.preprocessor.window in (8, 13, 16, 24, 36)
    assert any("by a ridge regression on validation" in note for note in data.notes)
    assert any(note.startswith("season 12: the calendar suggests 12") for note in data.notes)


def test_the_horizon_is_a_season_if_not_asked_for(series: Path, prepared: Prepare) -> None:
    data = prepared(series, horizon=None)
    assert data.preprocessor.horizon == 12
    assert any("the horizon is 12 steps" in note for note in data.notes)


def test_preprocessing_goes_to_json_and_back(series: Path, prepared: Prepare) -> None:
    data = prepared(series, transform="log", dates=True)
    stored = json.loads(json.dumps(data.preprocessor.to_json()))
    again = Preprocessor.from_json(stored)
    assert again == data.preprocessor
    origins = data.part("test").origins
    one, two = (encode(data.encoded.panel, made).windows(origins) for made in (data.preprocessor, again))
    assert all(torch.equal(getattr(one, name), getattr(two, name)) for name in vars(one))


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "vocabulary"},
        {"window": 0},
        {"window": "x"},
        {"block": 9},
        {"scales": {"y": [0.0]}},
        {"transform": {"name": "cube", "floor": 0}},
        {"levels": "abc"},
        {"columns": {}},
    ],
)
def test_preprocessing_that_cannot_be_is_refused(series: Path, prepared: Prepare, change: dict[str, object]) -> None:
    stored = prepared(series).preprocessor.to_json() | change
    with pytest.raises(DataError):
        Preprocessor.from_json(stored)


def test_missing_values_are_told_to_the_network_and_left_out_of_the_loss(
    tmp_path: Path, monthly: Write, prepared: Prepare
) -> None:
    path = monthly(tmp_path / "gaps.csv")
    lines = path.read_text().splitlines()
    for row in (20, 21, 40):
        lines[row] = lines[row].split(",")[0] + ","
    path.write_text("\n".join(lines))
    data = prepared(path)
    assert data.preprocessor.gaps
    assert data.encoded.missing.sum() == 3 + 4  # and the room behind the end
    assert np.isfinite(data.encoded.values).all()
    assert np.isnan(data.encoded.target[19:21]).all()


def test_many_series_are_one_model(tmp_path: Path, prepared: Prepare) -> None:
    rows = [
        f"{name},2024-01-{day:02},{factor * (10 + day % 7)}\n"
        for name, factor in (("a", 1), ("b", 100))
        for day in range(1, 32)
    ]
    path = tmp_path / "long.csv"
    path.write_text("unique_id,ds,y\n" + "".join(rows))
    data = prepared(path, horizon=2, window=7)
    assert [one.name for one in data.encoded.panel.series] == ["a", "b"]
    low, high = (data.preprocessor.scales[name][0] for name in "ab")
    assert high == pytest.approx(100 * low)
    assert set(data.part("train").origins.series.tolist()) == {0, 1}


def test_columns_apart_or_joint(tmp_path: Path, prepared: Prepare) -> None:
    path = tmp_path / "wide.csv"
    dates = np.arange("2024-01-01", "2024-03-31", dtype="datetime64[D]")
    path.write_text("ds,u,v\n" + "".join(f"{date},{k % 7},{(k + 2) % 7}\n" for k, date in enumerate(dates)))
    assert [one.name for one in prepared(path).encoded.panel.series] == ["u", "v"]
    joint = prepared(path, joint=True)
    assert joint.preprocessor.widths.target == 2
    assert joint.part("test").encoded.true(joint.part("test").origins).shape[-1] == 2


def test_a_constant_series_is_told(tmp_path: Path, prepared: Prepare) -> None:
    path = tmp_path / "flat.csv"
    dates = np.arange("2024-01-01", "2024-03-31", dtype="datetime64[D]")
    path.write_text("ds,y\n" + "".join(f"{date},5\n" for date in dates))
    data = prepared(path)
    assert any("'y' is constant in the training part" in note or "y is constant" in note for note in data.notes)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"window": 90}, r"series.csv:2: the series 'y' of 96 steps.*cannot hold a window of 90 and a horizon of 4"),
        ({"origins": 30}, r"cannot hold a window"),
        ({"window": 60}, r"fewer than 12 windows of 60 steps"),
        ({"split": (1.0, 0.0, 0.0)}, r"the validation part holds no whole forecast"),
        ({"future": ("z",)}, r"no column 'z' \(future\)"),
    ],
)
def test_what_cannot_be_learned_says_why(series: Path, prepared: Prepare, given: dict[str, object], said: str) -> None:
    with pytest.raises(DataError, match=said):
        prepared(series, **given)


@pytest.mark.parametrize("given", [{"transform": "log"}, {"transform": "sqrt"}])
def test_transforms_outside_of_their_domain(tmp_path: Path, prepared: Prepare, given: dict[str, object]) -> None:
    path = tmp_path / "below.csv"
    dates = np.arange("2024-01-01", "2024-03-31", dtype="datetime64[D]")
    path.write_text("ds,y\n" + "".join(f"{date},{k % 7 - 3}\n" for k, date in enumerate(dates)))
    with pytest.raises(UsageError, match=r"the lowest is -3"):
        prepared(path, **given)


def test_what_is_known_ahead_may_not_be_missing(tmp_path: Path, prepared: Prepare) -> None:
    dates = np.arange("2024-01-01", "2024-03-31", dtype="datetime64[D]")
    path = tmp_path / "future.csv"
    rows = [f"{date},{k % 7},{k % 2}" for k, date in enumerate(dates)]
    path.write_text("\n".join(["ds,y,h", *rows]))
    data = prepared(path, future=("h",))
    with pytest.raises(DataError, match=r"h of the series 'y' .* missing in 4 of 4 steps from 2024-03-31 on\n.*--past"):
        check_ahead(data.encoded.panel, 4)
    rows[30] = rows[30].rpartition(",")[0] + ","
    path.write_text("\n".join(["ds,y,h", *rows]))
    with pytest.raises(DataError, match=r"future.csv:32: 'h' is known ahead, but missing at 2024-01-31\nfill it in"):
        prepared(path, future=("h",))
    del rows[30]
    path.write_text("\n".join(["ds,y,h", *rows]))
    with pytest.raises(DataError, match=r"future.csv:32: .* at 2024-01-31, of which there is no row\nadd the row"):
        prepared(path, future=("h",))


def test_new_data_have_the_columns_of_training(tmp_path: Path, monthly: Write, prepared: Prepare) -> None:
    made = prepared(monthly(tmp_path / "one.csv")).preprocessor
    other = prepared(monthly(tmp_path / "two.csv", name="other")).encoded.panel
    with pytest.raises(DataError, match=r"trained with the target columns 'y', here they are 'other'"):
        made.checked(other)
    path = tmp_path / "daily.csv"
    dates = np.arange("2024-01-01", "2024-03-31", dtype="datetime64[D]")
    path.write_text("ds,y\n" + "".join(f"{date},{k % 7}\n" for k, date in enumerate(dates)))
    with pytest.raises(DataError, match=r"trained on data that are monthly, these are daily"):
        made.checked(prepared(path).encoded.panel)
