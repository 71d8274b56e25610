"""Trained forecasters in use: arrays, frames, files, many series, covariates, longer horizons."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import recurra
from recurra.baselines.forecast import classical, perceptron
from recurra.data.series.forecast import Forecast
from recurra.errors import DataError, UsageError
from recurra.tasks.forecast.model import Forecaster

SMALL = {"task": "forecast", "epochs": 2.0, "hidden_size": 8, "batch_size": 16, "quiet": True, "threads": 1}


def train(data: object, out: Path, **given: object) -> recurra.Run:
    """Without the slow ones of the baselines."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(classical, "installed", lambda: False)
        patch.setattr(perceptron, "STEPS", 40)
        return recurra.train(data, out=out, **{**SMALL, **given})


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> recurra.Run:
    """Of 120 values of a season of 12 with noise, without a calendar."""
    rng, t = np.random.default_rng(0), np.arange(120)
    values = 20 + 5 * np.sin(2 * np.pi * t / 12) + rng.normal(size=120)
    frame = pl.DataFrame({"step": t, "y": values})
    folder = tmp_path_factory.mktemp("forecast")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECURRA_CACHE", str(folder / "cache"))
        return train(frame, folder / "run", horizon=6, window=24, season=12)


def wave(count: int) -> np.ndarray:
    return 20 + 5 * np.sin(2 * np.pi * np.arange(count) / 12)


def test_a_forecast_has_times_a_median_and_quantiles(run: recurra.Run) -> None:
    (found,) = run.predict(wave(48))
    assert isinstance(found, Forecast)
    assert len(found.times) == len(found.median) == 6
    assert found.to_numpy().shape == (6, 6)
    low, high = np.array(found.quantiles[0.1]), np.array(found.quantiles[0.9])
    assert (low <= found.median).all()
    assert (found.median <= high).all()
    assert np.abs(np.array(found.median) - wave(54)[48:]).mean() < 1.5
    document = json.loads(json.dumps(run.model.document([found])))
    assert set(document[0]["steps"][0]) == {"time", "forecast", "q0.1", "q0.25", "q0.5", "q0.75", "q0.9"}


def test_the_newest_value_changes_the_first_step(run: recurra.Run) -> None:
    values = wave(48)
    other = values.copy()
    other[-1] += 3.0
    (one,), (two,) = run.predict(values), run.predict(other)
    assert abs(one.median[0] - two.median[0]) > 0.01


@pytest.mark.parametrize("value", [0.0, 7.0])
def test_a_constant_window_gives_numbers(run: recurra.Run, value: float) -> None:
    (found,) = run.predict(np.full(40, value))
    assert np.isfinite(found.to_numpy()).all()


def test_missing_values_in_an_array_are_filled(run: recurra.Run) -> None:
    values = wave(48)
    values[40] = np.nan
    (found,) = run.predict(values)
    assert np.isfinite(found.to_numpy()).all()


def test_its_own_series_goes_on(run: recurra.Run) -> None:
    assert isinstance(run.model, Forecaster)
    (found,) = run.predict(run.model.tail(), horizon=15)
    assert found.times[0] == "step 120"
    assert len(found.median) == 15
    assert np.isfinite(found.to_numpy()).all()


def test_a_series_grows_a_value_at_a_time(run: recurra.Run) -> None:
    assert isinstance(run.model, Forecaster)
    values = wave(60)
    rolling = run.model.rolling(values[:50])
    for step in range(50, 60):
        found = rolling.push(values[step])
        (whole,) = run.predict(values[: step + 1])
        assert found.median == pytest.approx(whole.median)
        assert found.times == whole.times
    assert np.isfinite(rolling.push(None).to_numpy()).all()
    with pytest.raises(UsageError, match="infinite"):
        rolling.push(np.inf)
    with pytest.raises(UsageError, match="expected 1 values"):
        rolling.push(np.zeros(2))


def test_frames_arrays_and_files_are_the_same(run: recurra.Run, tmp_path: Path) -> None:
    values = np.round(wave(60), 3)
    frame = pl.DataFrame({"step": np.arange(60), "y": values})
    frame.write_csv(tmp_path / "new.csv")
    answers = [run.predict(given) for given in (values, frame, frame.to_pandas(), tmp_path / "new.csv")]
    for (one,) in answers[1:]:
        assert one.median == pytest.approx(answers[0][0].median)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (np.zeros(10), "reads 24 values, got 10"),
        (np.zeros((30, 2)), r"\[T\] or \[T, 1\], got \[30, 2\]"),
        (np.full(30, np.inf), "value 1 is infinite"),
        (np.full(30, np.nan), "last 24 values of the series .* are all missing\\n.*end where a value is known"),
        (["a", "b"], "cannot|no such|expected series"),
        (pl.DataFrame({"step": np.arange(30), "z": np.zeros(30)}), "no column 'y'"),
    ],
)
def test_what_is_no_series_is_refused(run: recurra.Run, given: object, said: str) -> None:
    with pytest.raises((UsageError, DataError), match=said):
        run.predict(given)


@pytest.mark.parametrize("horizon", [0, -1, 1.5, True, 10**9])
def test_horizons_that_cannot_be(run: recurra.Run, horizon: object) -> None:
    with pytest.raises(UsageError, match="horizon"):
        run.predict(wave(48), horizon=horizon)


def test_the_report_shows_what_was_promised(run: recurra.Run) -> None:
    page = run.report.read_text(encoding="utf-8")
    for title in (
        "Forecasts",
        "Error by step ahead",
        "Autocorrelation of the errors",
        "Reliability of the quantiles",
        "What the memory is worth",
        "Which inputs matter",
        "Each origin",
    ):
        assert f">{title}</h2>" in page
    assert "m = 12 steps" in page
    names = [b["name"] for b in run.metrics["baselines"]]
    assert names[:7] == [
        "last value",
        "seasonal naive",
        "drift",
        "ridge, window 24",
        "MLP, window 5",
        "MLP, window 12",
        "deep tanh MLP, window 5",
    ]


def test_a_joint_model_reads_all_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """v is what u was two steps before: only a model that reads both knows it."""
    monkeypatch.setenv("RECURRA_CACHE", str(tmp_path / "cache"))
    u = np.random.default_rng(0).normal(size=160)
    v = np.roll(u, 2)
    run = train(np.column_stack([u, v]), tmp_path / "run", horizon=2, window=8, joint=True)
    found = run.predict(np.column_stack([u, v])[:100])
    assert [one.name for one in found] == ["value 1/value 1", "value 1/value 2"]
    assert found[1].median == pytest.approx(list(u[98:100]), abs=0.5)
    assert run.metrics["metrics"]["mase"] < 0.8


def test_what_is_known_ahead_is_used_and_needed(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    dates = np.arange("2024-01-01", "2024-07-01", dtype="datetime64[D]")
    event = (rng.random(len(dates)) < 0.3).astype(int)
    values = 10 + 8 * event + 0.3 * rng.normal(size=len(dates))
    rows = [f"{d},{y:.3f},{e}" for d, y, e in zip(dates, values, event, strict=True)]
    path = tmp_path / "shop.csv"
    path.write_text("\n".join(["ds,y,event", *rows]))
    run = train(
        path, tmp_path / "run", horizon=3, window=7, future=("event",), epochs=15.0, learning_rate=1e-2, dates=False
    )
    others = [b["metrics"]["mae"] for b in run.metrics["baselines"] if not b["name"].startswith("ridge")]
    assert run.metrics["metrics"]["mae"] < 0.3 < 0.2 * min(others), "of the noise the best forecast leaves 0.24"
    assert run.model.preprocessor.widths.ahead == 1  # type: ignore[attr-defined]
    with pytest.raises(DataError, match=r"event of the series 'y' is known ahead, but missing in 3 of 3"):
        run.predict(path)
    path.write_text("\n".join(["ds,y,event", *rows, "2024-07-01,,1", "2024-07-02,,0", "2024-07-03,,1"]))
    (found,) = run.predict(path)
    assert found.times == ["2024-07-01", "2024-07-02", "2024-07-03"]
    assert found.median[0] > found.median[1] < found.median[2]


def test_many_series_with_statics_and_recursive_steps(tmp_path: Path) -> None:
    rows = [
        f"{name},2024-{1 + day // 28:02}-{1 + day % 28:02},{level + day % 7},{kind}"
        for name, level, kind in (("a", 1, "shop"), ("b", 50, "web"), ("c", 7, "web"))
        for day in range(112)
        if not (day // 28 == 1 and day % 28 == 27)
    ]
    path = tmp_path / "long.csv"
    path.write_text("\n".join(["unique_id,ds,y,kind", *rows]))
    run = train(
        path, tmp_path / "run", horizon=4, window=14, static=("kind",), decoding="recursive", frequency="D", dates=False
    )
    assert run.model.preprocessor.block == 1  # type: ignore[attr-defined]
    new = tmp_path / "new.csv"
    kept = [row for row in rows if row.startswith("b,")]
    new.write_text("\n".join(["unique_id,ds,y,kind", *kept]))
    (found,) = run.predict(new)
    assert (found.series, len(found.median)) == ("b", 4)
    assert 45 < found.median[0] < 62
    new.write_text("\n".join(["unique_id,ds,y,kind", *(row.replace(",web", ",fair") for row in kept)]))
    with pytest.raises(DataError, match="'kind fair' was in no series of training"):
        run.predict(new)


@pytest.mark.usefixtures("drawn")
def test_prices_say_that_nothing_beats_the_last_one(tmp_path: Path) -> None:
    days = [d for d in np.arange("2020-01-01", "2021-03-01", dtype="datetime64[D]") if np.is_busday(d)]
    close = 100 * np.exp(np.cumsum(0.01 * np.random.default_rng(3).normal(size=len(days))))
    rows = [f"{d},{c:.4f},{c * 1.01:.4f},{c * 0.99:.4f},{c:.4f},1000" for d, c in zip(days, close, strict=True)]
    path = tmp_path / "prices.csv"
    path.write_text("\n".join(["Date,Open,High,Low,Close,Volume", *rows]))
    run = train(path, tmp_path / "run", horizon=5, window=10)
    notes = " ".join(run.config["notes"])
    assert "prices: Close is forecast" in notes
    assert "hardly better than repeating the last value" in notes + run.report.read_text(encoding="utf-8")


@pytest.mark.slow
def test_memory_halves_the_error_of_a_window_of_five(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A course of four plateaus with noise, of period 40: the last five values do not say when one ends."""
    monkeypatch.setenv("RECURRA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(classical, "installed", lambda: False)
    course = np.array([-1, 1 / 3, -1 / 3, 1.0])[np.arange(40) // 10]
    values = np.tile(course, 40) + 0.1 * np.random.default_rng(0).normal(size=1600)
    run = recurra.train(
        pl.DataFrame({"value": values}), task="forecast", out=tmp_path / "run", horizon=5, season=40, quiet=True
    )
    perceptrons = {each["name"]: each["metrics"]["mae"] for each in run.metrics["baselines"]}
    assert run.metrics["metrics"]["mae"] <= 0.5 * perceptrons["MLP, window 5"]
