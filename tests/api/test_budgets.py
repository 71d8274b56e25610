"""--minutes is of the whole command, and baselines are what is asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import recurra
from recurra.api import training_run
from recurra.tasks.classify import baselines as of_classes
from recurra.tasks.language import baselines as of_texts

TINY: dict[str, Any] = {"hidden_size": 4, "embedding_size": 4, "batch_size": 8, "threads": 1, "device": "cpu"}


@pytest.fixture(autouse=True)
def _undrawn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RECURRA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(training_run, "build_report", lambda record: "<html></html>")


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "play.txt"
    path.write_text("".join(f"ROMEO: line {i} of {i * i}.\n" for i in range(600)))
    return path


def test_minutes_cut_the_baselines_and_say_where_they_went(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(of_texts, "PROBE", 1000)
    monkeypatch.setattr(of_texts, "affordable", lambda probed, took, seconds: 2 * probed)
    run = recurra.train(text, out=tmp_path / "run", minutes=0.02, **TINY)
    assert [each["name"].partition(", ")[2] for each in run.metrics["baselines"]] == ["2,000 of 14,064 tokens"] * 3
    notes = run.config["notes"]
    assert any(note.startswith("the baselines were counted on the last 2,000 of 14,064") for note in notes)
    assert any("--mixture all says it" in note for note in notes)
    (where,) = (note for note in notes if note.startswith("time: start "))
    assert all(f"{name} " in where for name in ("reading", "baselines", "training", "evaluation"))
    assert "time: start" in capsys.readouterr().err


def test_baselines_are_left_out_if_none_are_asked_for(text: Path, tmp_path: Path) -> None:
    run = recurra.train(text, out=tmp_path / "run", epochs=0.1, baselines="none", quiet=True, **TINY)
    assert run.metrics["baselines"] == []


def test_classifiers_have_them_on_a_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("text,label\n" + "".join(f"{'ab' if i % 2 else 'cd'}{i},{i % 2}\n" for i in range(200)))
    monkeypatch.setattr(of_classes, "PROBE", 20)
    monkeypatch.setattr(of_classes, "affordable", lambda probed, took, seconds: 3 * probed)
    run = recurra.train(path, out=tmp_path / "run", epochs=0.1, baselines="fast", quiet=True, **TINY)
    assert {each["name"].rpartition(", ")[2] for each in run.metrics["baselines"]} == {"60 of 160 texts"}
    assert any(note.startswith("the baselines were fitted on 60 of 160 texts") for note in run.config["notes"])


def test_scores_and_report_are_of_what_the_minutes_allow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("text,label\n" + "".join(f"{'ab' if i % 2 else 'cd'}{i},{i % 2}\n" for i in range(400)))
    monkeypatch.setattr(training_run, "affordable_part", lambda setup, *_: (setup.dataset.held_out.some(30), ["30"]))
    run = recurra.train(path, out=tmp_path / "run", split=(0.5, 0.1, 0.4), epochs=0.1, quiet=True, **TINY)
    record = json.loads((tmp_path / "run" / "report.json").read_text())
    (confusion,) = (each for each in record["sections"] if each["title"].startswith("Confusion"))
    assert sum(map(sum, confusion["counts"])) == 30
    assert "30" in run.config["notes"]
