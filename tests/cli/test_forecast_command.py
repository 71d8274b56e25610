"""Series from the command line: trained, gone on with, drawn, and every refusal in one or two lines."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from command_line import Recurra

from recurra.baselines.forecast import classical, perceptron
from recurra.cli import main

SMALL = ("--hidden-size", "4", "--epochs", "1", "--horizon", "4", "--window", "8", "--quiet")


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("series") / "sales.csv"
    rows = (f"{2015 + k // 12}-{k % 12 + 1:02},{10 + math.sin(math.pi * k / 6) + k % 5 / 10:.3f}" for k in range(84))
    path.write_text("\n".join(["month,sales", *rows]), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def forecaster(series: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """No task is named: a table of times and numbers is one of series."""
    folder = tmp_path_factory.mktemp("models") / "sales"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(classical, "installed", lambda: False)
        patch.setattr(perceptron, "STEPS", 20)
        assert main(["train", str(series), "--out", str(folder), *SMALL]) == 0
    return folder


def test_its_own_series_goes_on_and_is_drawn(recurra: Recurra, forecaster: Path, tmp_path: Path) -> None:
    found = recurra("predict", forecaster, "--horizon", "6", "--plot", tmp_path / "out.svg")
    assert found.code == 0
    head, *rows = found.out.splitlines()
    assert head.split() == ["time", "forecast", "10%", "25%", "50%", "75%", "90%"]
    assert [row.split()[0] for row in rows] == [f"2022-{month:02}" for month in range(1, 7)]
    drawn = (tmp_path / "out.svg").read_text(encoding="utf-8")
    assert drawn.startswith("<svg")
    assert "var(--" not in drawn


def test_other_series_go_on(recurra: Recurra, forecaster: Path, series: Path) -> None:
    found = recurra("predict", forecaster, series, "--json")
    (answer,) = json.loads(found.out)["predictions"]
    assert answer["series"] == "sales"
    assert len(answer["steps"]) == 4


def test_evaluated_again_and_on_other_data(recurra: Recurra, forecaster: Path, series: Path) -> None:
    again, other = (recurra("evaluate", forecaster, *more) for more in ((), (series,)))
    assert again.code == other.code == 0
    assert "MASE" in again.out
    assert "coverage" in other.out


@pytest.mark.parametrize(
    ("options", "code", "pieces"),
    [
        (("--horizon", "0"), 2, ("--horizon",)),
        (("--plot", "out.png"), 2, ("written as SVG", "out.svg")),
        (("--top", "3"), 2, ("top",)),
        (("missing.csv",), 3, ("missing.csv",)),
    ],
)
def test_what_predict_refuses(
    recurra: Recurra, forecaster: Path, options: tuple[str, ...], code: int, pieces: tuple[str, ...]
) -> None:
    recurra("predict", forecaster, *options).refused(code, *pieces)


def test_a_text_model_draws_no_forecast(recurra: Recurra, tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("the cat sees the dog\n" * 40, encoding="utf-8")
    folder = tmp_path / "model"
    assert main(["train", str(path), "--out", str(folder), "--hidden-size", "4", "--epochs", "1", "--quiet"]) == 0
    recurra("predict", folder, "the", "--plot", "out.svg").refused(2, "--plot draws forecasts")


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("month,sales\n2020-02,1\n2020-01,2\n2020-03,3\n", ("sales.csv:3", "comes after", "--sort")),
        ('month,sales\n2020-01,"1,5"\n2020-02,"2,5"\n', ("sales.csv:2", "--decimal ,")),
        ("month,sales\n2020-01,1\n2020-02,2\n2020-03,3\n", ("cannot hold a window", "--horizon")),
    ],
)
def test_what_train_refuses(recurra: Recurra, tmp_path: Path, text: str, pieces: tuple[str, ...]) -> None:
    path = tmp_path / "sales.csv"
    path.write_text(text, encoding="utf-8")
    recurra("train", path, "--out", tmp_path / "run", *SMALL).refused(3, *pieces)
