"""--minutes is of the whole command, and baselines are what is asked for."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import recurra
from recurra.api import training_run
from recurra.api.budget import about_reading, fitted_baselines, settings_of_training
from recurra.api.setup import Setup
from recurra.baselines import sample
from recurra.tasks.classify.task import ClassifyTask
from recurra.tasks.cutting import some
from recurra.tasks.language.task import LanguageTask
from recurra.training.deadline import Deadline
from recurra.training.settings import TrainingSettings

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
    monkeypatch.setattr(LanguageTask, "first", 2000)
    monkeypatch.setattr(sample, "CAUTION", 0.0)
    run = recurra.train(text, out=tmp_path / "run", minutes=0.02, **TINY)
    assert [each["name"].partition(", ")[2] for each in run.metrics["baselines"]] == ["2,000 of 14,064 tokens"] * 3
    notes = run.config["notes"]
    assert any(note.startswith("the baselines were fitted on 2,000 of 14,064") for note in notes)
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
    monkeypatch.setattr(ClassifyTask, "first", 60)
    monkeypatch.setattr(sample, "CAUTION", 0.0)
    run = recurra.train(path, out=tmp_path / "run", epochs=0.1, baselines="fast", quiet=True, **TINY)
    assert {each["name"].rpartition(", ")[2] for each in run.metrics["baselines"]} == {"60 of 160 texts"}
    assert any(note.startswith("the baselines were fitted on 60 of 160 texts") for note in run.config["notes"])


def test_scores_and_report_are_of_what_the_minutes_allow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("text,label\n" + "".join(f"{'ab' if i % 2 else 'cd'}{i},{i % 2}\n" for i in range(400)))

    def of_thirty(setup: Setup, *_: Any) -> Any:
        part = some(setup.dataset.held_out, 30)
        return part, setup.task.evaluate(setup.model(), part, setup.settings), ["30"]

    monkeypatch.setattr(training_run, "evaluation_within", of_thirty)
    run = recurra.train(path, out=tmp_path / "run", split=(0.5, 0.1, 0.4), epochs=0.1, quiet=True, **TINY)
    record = json.loads((tmp_path / "run" / "report.json").read_text())
    (confusion,) = (each for each in record["sections"] if each["title"].startswith("Confusion"))
    assert sum(map(sum, confusion["counts"])) == 30
    assert "30" in run.config["notes"]


def test_little_time_for_training_is_said_with_what_would_be_enough() -> None:
    deadline = Deadline(1.0, 0.0, clock=lambda: 40.0)
    setup: Any = SimpleNamespace(settings=SimpleNamespace(training=TrainingSettings(minutes=1.0)))
    settings, (note,) = settings_of_training(setup, deadline, resumed=False)
    assert settings.minutes == pytest.approx(deadline.for_training() / 60)
    said = note.replace("\u00a0", " ")
    assert said.startswith("40 s of the 60 s that --minutes 1 allows were gone before training, which gets 17 s")
    assert note.endswith("with 4.4 minutes it would get 80%")
    enough = Deadline(4.5, 0.0, clock=lambda: 40.0)
    setup.settings.training = TrainingSettings(minutes=4.5)
    assert settings_of_training(setup, enough, resumed=False)[1] == []


def test_a_budget_too_small_for_anything_is_told_what_it_would_take() -> None:
    setup: Any = SimpleNamespace(settings=SimpleNamespace(training=TrainingSettings(minutes=0.001)))
    _, (note,) = settings_of_training(setup, Deadline(0.001, 0.0, clock=lambda: 6.0), resumed=False)
    said = note.replace("\u00a0", " ")
    assert said.startswith("6 s of the 60 ms that --minutes 0.001 allows were gone before training, which gets 1 s")
    assert said.endswith("with 1 minutes it would get 80%")


def test_a_reading_that_leaves_training_too_little_is_told_with_what_would_be_enough() -> None:
    deadline = Deadline(1.0, 0.0, clock=lambda: 4.0)
    assert about_reading(deadline, 1.0) is None
    assert about_reading(Deadline(None, 0.0, clock=lambda: 4.0), 1e6) is None
    note = about_reading(deadline, 90.0)
    assert note is not None
    said = note.replace("\u00a0", " ")
    assert said.startswith("reading ends about 94 s after the start, of 60 s given")
    assert said.endswith("with 9.4 minutes training would get 80%")


def test_baselines_of_a_task_that_cannot_be_cut_are_fitted_whole_and_say_so() -> None:
    task = SimpleNamespace(name="numbers", baselines=lambda dataset, part: [part])
    dataset = SimpleNamespace(
        settings=SimpleNamespace(training=TrainingSettings(baselines="fast")), held_out="all", notes=[], deadline=None
    )
    setup: Any = SimpleNamespace(task=task, dataset=dataset)
    found, (note,) = fitted_baselines(setup, Deadline(None))
    assert found == ["all"]
    assert "of the task numbers were fitted on all of the training part" in note


@pytest.mark.parametrize(("classes", "first"), [(2, 2000), (500, 2000), (2000, 500), (100_000, 100)])
def test_of_many_classes_fewer_texts_are_tried_first(classes: int, first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []
    task, clock = ClassifyTask(), [0.0]

    def smaller(dataset: Any, count: int) -> Any:
        tried.append(count)
        clock[0] += 100.0
        return dataset

    monkeypatch.setattr(task, "smaller", smaller)
    monkeypatch.setattr(task, "examples", lambda dataset: 1_000_000)
    monkeypatch.setattr(task, "some", lambda part, count: part)
    monkeypatch.setattr(task, "baselines", lambda dataset, part: [])
    dataset = SimpleNamespace(
        settings=SimpleNamespace(training=TrainingSettings(baselines="fast")),
        data=SimpleNamespace(classes=range(classes)),
        held_out=[0] * 10,
        notes=[],
        deadline=None,
    )
    setup: Any = SimpleNamespace(task=task, dataset=dataset)
    fitted_baselines(setup, Deadline(1.0, clock=lambda: clock[0]))
    assert tried == [first]
