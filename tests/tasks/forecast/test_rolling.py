"""Series with covariates that grow a step at a time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import recurra
from recurra.errors import DataError, UsageError
from recurra.tasks.forecast.rolling import Rolling

STEPS, AHEAD = 80, 6


def table(known: int) -> pl.DataFrame:
    """y and wind are known for so many steps, the holiday for AHEAD more."""
    rng = np.random.default_rng(0)
    holiday = (rng.random(STEPS + AHEAD) < 0.2).astype(float)
    wind = rng.normal(size=STEPS)
    y = 10 + 5 * holiday[:STEPS] + np.r_[0.0, wind[:-1]]
    return pl.DataFrame(
        {
            "ds": np.arange(known + AHEAD),
            "y": [*y[:known].tolist(), *[None] * AHEAD],
            "holiday": holiday[: known + AHEAD],
            "wind": [*wind[:known].tolist(), *[None] * AHEAD],
        }
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, quick_baselines: None) -> recurra.Run:
    return recurra.train(
        table(STEPS - 5),
        task="forecast",
        out=tmp_path_factory.mktemp("covariates") / "run",
        horizon=2,
        window=7,
        future=("holiday",),
        past=("wind",),
        transform="none",
        dates=False,
        epochs=1,
        hidden_size=4,
        quiet=True,
    )


@pytest.fixture
def rolling(run: recurra.Run) -> Rolling:
    grown: Rolling = run.model.rolling()  # type: ignore[attr-defined]
    return grown


def test_pushed_covariates_are_those_of_the_whole_series(run: recurra.Run, rolling: Rolling) -> None:
    whole = table(STEPS)
    for known in range(STEPS - 5, STEPS):
        row, ahead = whole.row(known, named=True), whole["holiday"][known + AHEAD]
        found = rolling.push(row["y"], past={"wind": row["wind"]}, future={"holiday": ahead})
        (expected,) = run.predict(table(known + 1))
        assert found.median == pytest.approx(expected.median)
        assert found.times == expected.times


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "expected past values of 'wind', got none"),
        ({"past": {"rain": 1.0}}, "expected past values of 'wind', got 'rain'"),
        ({"past": {"wind": np.inf}}, "infinite"),
        ({"past": {"wind": "strong"}}, "numbers"),
        ({"past": {"wind": [1.0, 2.0]}}, "one value"),
        ({"past": {"wind": 1.0}, "future": {"rain": 0.0}}, "expected future values of 'holiday', got 'rain'"),
    ],
)
def test_covariates_that_cannot_be(rolling: Rolling, given: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        rolling.push(1.0, **given)  # type: ignore[arg-type]


def test_what_is_known_ahead_must_reach_the_horizon_and_an_error_changes_nothing(rolling: Rolling) -> None:
    for _ in range(AHEAD - 2):
        rolling.push(10.0, past={"wind": None})
    with pytest.raises(DataError, match="known ahead, but missing"):
        rolling.push(10.0, past={"wind": None})
    found = rolling.push(10.0, past={"wind": 0.0}, future={"holiday": [0.0, 1.0]})
    assert found.times == [f"step {STEPS}", f"step {STEPS + 1}"]


@pytest.mark.usefixtures("quick_baselines")
def test_short_series_are_left_out_where_that_is_asked_for(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            "unique_id": ["a"] * 60 + ["b"] * 60 + ["short"] * 5,
            "ds": [*range(60), *range(60), *range(5)],
            "y": rng.normal(size=125),
        }
    )
    settings = {"horizon": 2, "window": 5, "epochs": 1, "hidden_size": 4, "quiet": True}
    with pytest.raises(DataError, match=r"'short' of 5 steps.*\n?.*--skip-short"):
        recurra.train(frame, out=tmp_path / "refused", **settings)  # type: ignore[arg-type]
    run = recurra.train(frame, out=tmp_path / "run", skip_short=True, **settings)  # type: ignore[arg-type]
    assert [one.name for one in run.predict(run.model.tail())] == ["a", "b"]  # type: ignore[attr-defined]
    only = frame.filter(pl.col("unique_id") == "short")
    with pytest.raises(DataError, match="all 1 series are too short"):
        recurra.train(only, out=tmp_path / "none", skip_short=True, **settings)  # type: ignore[arg-type]
