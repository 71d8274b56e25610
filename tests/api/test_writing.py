"""A run whose state would take too much of its minutes to be written keeps its weights alone, and says so."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

import recurra
from recurra.api import training_run, writing
from recurra.api.resuming import STATE
from recurra.api.writing import Writing, writing_speed, writing_within
from recurra.errors import DataError, UsageError
from recurra.tasks.classify.trainee import ClassifyTrainee
from recurra.training.evaluation import BARE, BYTES, SPEED

LARGE: Any = SimpleNamespace(network=torch.nn.Linear(200_000, 1000, device="meta"))
WEIGHTS = 200_001_000


@pytest.fixture
def steady(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "writing_speed", lambda folder: SPEED)


@pytest.mark.usefixtures("steady")
def test_a_run_with_time_for_it_keeps_its_state(tmp_path: Path) -> None:
    whole = Writing(WEIGHTS * BYTES / SPEED)
    assert writing_within(LARGE, 5.0, tmp_path) == writing_within(LARGE, None, tmp_path) == whole


@pytest.mark.usefixtures("steady")
def test_a_network_that_takes_too_long_to_write_is_written_alone(tmp_path: Path) -> None:
    found = writing_within(LARGE, 2.0, tmp_path)
    assert (found.bare, found.seconds) == (True, WEIGHTS * BARE / SPEED)
    (note,) = found.notes
    said = note.replace("\u00a0", " ")
    assert said.startswith("200,001,000 weights with all that a run goes on from take about 64 s to write of 2 min")
    assert "this run cannot be resumed; give more minutes" in said
    *_, even = writing_within(LARGE, 0.1, tmp_path).notes
    assert even.endswith("the minutes may not hold")


@pytest.mark.usefixtures("steady")
def test_a_run_that_goes_on_keeps_its_state_and_is_told(tmp_path: Path) -> None:
    found = writing_within(LARGE, 0.5, tmp_path, resumed=True)
    assert not found.bare
    assert "the minutes may not hold" in found.notes[0]


def test_how_fast_a_disk_is_written_is_measured_where_the_folder_will_be(tmp_path: Path) -> None:
    assert writing_speed(tmp_path / "not" / "there") > 1e4
    assert list(tmp_path.iterdir()) == []


def test_weights_alone_are_a_whole_run_that_cannot_be_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECURRA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(training_run, "build_report", lambda record: "<html></html>")
    monkeypatch.setattr(writing, "MOST_WRITING", -1.0)
    text = tmp_path / "play.txt"
    text.write_text("".join(f"ROMEO: line {i} of {i * i}.\n" for i in range(600)))
    tiny: dict[str, Any] = {"hidden_size": 4, "embedding_size": 4, "threads": 1, "device": "cpu", "baselines": "none"}
    run = recurra.train(text, out=tmp_path / "run", minutes=0.02, quiet=True, **tiny)
    assert run.metrics["status"] == "finished"
    assert not [name for name in run.folder.iterdir() if name.name.startswith((STATE, "previous"))]
    assert any("cannot be resumed" in note for note in run.config["notes"])
    assert recurra.load(run.folder).generate("RO", 3)
    with pytest.raises(UsageError, match="finished run without a training state"):
        recurra.train(resume=run.folder, minutes=1.0)


@pytest.mark.parametrize("length", [{"epochs": 1.0}, {"minutes": 1.0}, {"epochs": 1.0, "ensemble": 2}])
def test_a_disk_too_small_for_the_run_is_told_before_its_training(
    length: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECURRA_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "rows.csv"
    path.write_text("text,label\n" + "".join(f"{n:x}a,{'xy'[n % 2]}\n" for n in range(200)))
    stepped: list[int] = []
    monkeypatch.setattr(ClassifyTrainee, "loss", lambda *_: stepped.append(1))
    monkeypatch.setattr(writing.shutil, "disk_usage", lambda folder: SimpleNamespace(free=1000))
    with pytest.raises(DataError, match=r"run: the run needs about \S+ MB .* 0 MB are free") as refused:
        recurra.train(path, out=tmp_path / "run", hidden_size=4, baselines="none", quiet=True, device="cpu", **length)
    assert "--out" in str(refused.value)
    assert not stepped
    assert not (tmp_path / "run").exists()
