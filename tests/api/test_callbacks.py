"""A user's own code beside a run: what it hears, and what becomes of the run when it fails."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import recurra
from recurra import model_folder
from recurra.errors import CallbackError, UsageError

Train = Callable[..., recurra.Run]


class Listener(recurra.Callback):
    def __init__(self) -> None:
        self.steps: list[int] = []
        self.points: list[Any] = []
        self.endings: list[Any] = []

    def on_step(self, step: Any) -> None:
        self.steps.append(step.step)

    def on_evaluation(self, point: Any, best: bool) -> None:
        self.points.append((point, best))

    def on_end(self, ending: Any) -> None:
        self.endings.append(ending)


class FailingAt:
    """Fails once, in one method at one step."""

    def __init__(self, method: str, step: int = 0) -> None:
        def fail(*given: Any) -> None:
            if getattr(given[0], "step", 0) == step:
                raise ValueError("boom")

        setattr(self, method, fail)


def rows(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "metrics.csv").read_text().splitlines()))


def same(a: Path, b: Path) -> bool:
    first, second = model_folder.read(a).weights(), model_folder.read(b).weights()
    return all(torch.equal(value, second[name]) for name, value in first.items())


def test_a_callback_hears_of_every_step_and_evaluation_and_of_the_end(train: Train, labels: Path) -> None:
    listener = Listener()
    run = train(labels, callbacks=[listener])
    history = run.metrics["history"]
    assert listener.steps == list(range(1, history[-1]["step"] + 1))
    assert [point.step for point, _ in listener.points] == [each["step"] for each in history]
    assert [number for number, (_, best) in enumerate(listener.points) if best][-1] == run.metrics["best"]
    (ending,) = listener.endings
    assert (ending.status, ending.folder, ending.metrics) == ("finished", run.folder, run.metrics["metrics"])
    assert "metrics.csv" in model_folder.read(run.folder).extra
    found = rows(run.folder)
    assert [int(row["step"]) for row in found] == [each["step"] for each in history]
    assert [float(row["validation_loss"]) for row in found] == [each["validation_loss"] for each in history]
    assert float(found[-1]["accuracy"]) == history[-1]["validation_metrics"]["accuracy"]


@pytest.mark.parametrize(("method", "step"), [("on_step", 1), ("on_step", 4), ("on_evaluation", 3)])
def test_a_failing_callback_ends_the_run_and_loses_nothing(
    train: Train, labels: Path, tmp_path: Path, method: str, step: int
) -> None:
    whole = train(labels, out=tmp_path / "whole", dropout=0.3)
    step = whole.metrics["history"][1]["step"] if method == "on_evaluation" else step
    listener = Listener()
    told = rf"(?s){method} of the callback FailingAt failed: ValueError: boom\n.*run holds .*recurra train --resume"
    with pytest.raises(CallbackError, match=told) as caught:
        train(labels, dropout=0.3, callbacks=[FailingAt(method, step), listener])
    assert isinstance(caught.value.__cause__, ValueError)
    assert [ending.status for ending in listener.endings] == ["stopped"]
    assert recurra.load("run").metrics["status"] == "stopped"
    train(resume="run")
    assert same(tmp_path / "run", whole.folder)
    assert [row["step"] for row in rows(tmp_path / "run")] == [row["step"] for row in rows(whole.folder)]


def test_a_callback_that_fails_at_the_end_leaves_the_finished_run(train: Train, labels: Path) -> None:
    listener = Listener()
    with pytest.raises(CallbackError, match=r"on_end of .* boom; .*run holds the finished run"):
        train(labels, callbacks=[FailingAt("on_end"), listener])
    assert listener.endings
    assert recurra.load("run").metrics["status"] == "finished"


def test_what_is_no_callback_is_refused_before_anything_is_done(train: Train, labels: Path) -> None:
    for given, told in (
        ([Listener], r"callback 1 is the class Listener; give an object: Listener\(\)"),
        ([Listener(), 3], "callback 2 is a int without on_step"),
        (Listener(), "callbacks must be a list"),
    ):
        with pytest.raises(UsageError, match=told):
            train(labels, callbacks=given)
    assert not Path("run").exists()


class EndingAt(Listener):
    """Has enough at a method's n-th call."""

    def __init__(self, method: str, number: int) -> None:
        super().__init__()
        self.method, self.left, self.epochs = method, number, list[int]()
        self.said_at: int | None = None

    def _heard(self, method: str, step: int) -> bool:
        self.left -= method == self.method
        if method != self.method or self.left != 0:
            return False
        self.said_at = step
        return True

    def on_step(self, step: Any) -> bool:
        super().on_step(step)
        return self._heard("on_step", step.step)

    def on_evaluation(self, point: Any, best: bool) -> bool:
        super().on_evaluation(point, best)
        return self._heard("on_evaluation", point.step)

    def on_epoch_end(self, step: Any) -> bool:
        self.epochs.append(step.step)
        return self._heard("on_epoch_end", step.step)


@pytest.mark.parametrize("method", ["on_step", "on_evaluation", "on_epoch_end"])
def test_a_callback_ends_the_training_which_is_finished_then(train: Train, labels: Path, method: str) -> None:
    listener = EndingAt(method, 2)
    run = train(labels, callbacks=[listener], epochs=4)
    history = run.metrics["history"]
    assert (run.metrics["status"], run.metrics["ended"]) == ("finished", "callback")
    assert run.metrics["metrics"]
    assert history[-1]["step"] == listener.steps[-1]  # the last step is evaluated
    said_at = listener.said_at
    assert said_at is not None
    assert history[-1]["step"] - said_at in (0, 1)
    assert history[-1]["epoch"] < 4
    assert [ending.status for ending in listener.endings] == ["finished"]


def test_epochs_end_as_often_as_there_are_any(train: Train, labels: Path) -> None:
    listener = EndingAt("", 1)
    run = train(labels, callbacks=[listener], epochs=2)
    assert len(listener.epochs) == 2
    assert listener.epochs[-1] == run.metrics["history"][-1]["step"]
