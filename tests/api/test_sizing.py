"""What follows the minutes is chosen once, kept by the folder and told; what somebody has set stays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import recurra
from recurra.api import sizing, training_run, tuning
from recurra.tasks.language import width, word_width
from recurra.tasks.language.width import Measuring

RUN: dict[str, Any] = {"embedding_size": 4, "minutes": 0.03, "baselines": "none", "threads": 1, "device": "cpu"}
CHOSEN = {"hidden_size": 6, "batch_size": 32, "dropout": 0.5}
ALL_OF_WORDS: dict[str, Any] = {
    "num_layers": 1,
    "hidden_size": 4,
    "embedding_size": 4,
    "batch_size": 8,
    "output": "softmax",
    "dropout": 0.1,
    "input_dropout": 0.1,
    "weight_dropout": 0.1,
    "learning_rate": 0.01,
}
"""What follows the minutes of a model of words."""


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[int]:
    """Widths that were asked for; of 4 and of 6 units so much is seen that 8 are too many."""
    monkeypatch.setenv("RECURRA_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(training_run, "build_report", lambda record: "<html></html>")
    monkeypatch.setattr(sizing, "LEAST", 0.0)
    monkeypatch.setattr(width, "WIDTHS", (4, 6, 8))
    found: list[int] = []

    def rate(self: Measuring, settings: Any) -> tuple[float, int]:
        found.append(settings.network.hidden_size)
        return 1e6, 1 if found[-1] < 8 else 10**9

    monkeypatch.setattr(Measuring, "rate", rate)
    return found


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "play.txt"
    path.write_text("".join(f"ROMEO: line {i} of {i * i}.\n" for i in range(600)))
    return path


def sizes(run: recurra.Run) -> dict[str, Any]:
    settings = run.settings
    return {
        "hidden_size": settings.network.hidden_size,
        "batch_size": settings.training.batch_size,
        "dropout": settings.network.dropout,
    }


def test_a_run_of_minutes_says_what_it_chose_and_keeps_it(
    text: Path, asked: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    run = recurra.train(text, out="run", **RUN)
    assert asked == [4, 6, 8]
    assert sizes(run) == CHOSEN
    assert run.network.stack.hidden_size == 6
    kept = run.config["data"]["sized"]
    assert kept["settings"] == CHOSEN
    assert kept["why"] in run.config["notes"]
    assert kept["why"] in " ".join(capsys.readouterr().err.split())
    record = json.loads((run.folder / "report.json").read_text())
    assert {
        name: value for group in record["defaults"].values() for name, value in group.items() if name in CHOSEN
    } == CHOSEN


def test_a_resumed_run_is_as_wide_as_it_was(text: Path, asked: list[int]) -> None:
    recurra.train(text, out="run", quiet=True, **RUN)
    asked.clear()
    again = recurra.train(resume="run", minutes=0.05, quiet=True)
    assert asked == []
    assert sizes(again) == CHOSEN
    assert again.config["data"]["sized"]["settings"] == CHOSEN
    assert again.config["data"]["sized"]["why"] in again.config["notes"]


def test_the_shape_of_a_model_of_words_follows_too(
    text: Path, asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(word_width, "SHAPES", (word_width.Shape(1, 4, 4, 0), word_width.Shape(2, 6, 8, 1e3)))
    monkeypatch.setattr(word_width, "LARGEST", 1e6)
    given = {name: value for name, value in RUN.items() if name != "embedding_size"}
    run = recurra.train(text, level="word", out="run", quiet=True, **given)
    assert asked == [4, 6]
    kept = run.config["data"]["sized"]
    assert {*kept["settings"]} == {*ALL_OF_WORDS}
    network = run.settings.network
    assert (network.num_layers, network.hidden_size, network.embedding_size) == (2, 6, 6)
    assert run.settings.training.batch_size == 8
    assert kept["why"] in run.config["notes"]
    again = recurra.train(resume="run", minutes=0.05, quiet=True)
    assert again.settings.network == network
    assert kept["why"] in again.config["notes"]


def test_one_that_begins_with_another_is_as_wide_as_that(text: Path, asked: list[int]) -> None:
    recurra.train(text, out="run", quiet=True, **RUN)
    asked.clear()
    again = recurra.train(text, start_from="run", out="other", minutes=0.03, baselines="none", quiet=True)
    assert asked == []
    assert again.settings.network.hidden_size == 6


@pytest.mark.parametrize("given", [{"hidden_size": 5, "dropout": 0.1}, {"level": "word"} | ALL_OF_WORDS])
def test_what_is_set_is_not_measured(text: Path, asked: list[int], given: dict[str, Any]) -> None:
    run = recurra.train(text, out="run", quiet=True, **RUN | given)
    assert asked == []
    assert run.settings.network.hidden_size == given["hidden_size"]
    assert "sized" not in run.config["data"]


def test_without_minutes_nothing_follows_them(text: Path, asked: list[int]) -> None:
    run = recurra.train(text, out="run", quiet=True, **RUN | {"minutes": None, "epochs": 0.2})
    assert asked == []
    assert run.settings.network.hidden_size == 256


def test_too_few_seconds_are_not_spent_on_measuring(
    text: Path, asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizing, "LEAST", 10.0)
    recurra.train(text, out="run", quiet=True, **RUN | {"hidden_size": 4})
    assert asked == []


def test_the_last_training_of_a_study_is_of_what_was_tried(text: Path, asked: list[int]) -> None:
    given = {name: value for name, value in RUN.items() if name != "minutes"}
    found = tuning.tune(text, trials=1, minutes=0.1, vary=["learning_rate"], out="tuned", quiet=True, **given)
    assert asked == []
    assert found.run.settings.network.hidden_size == 256
