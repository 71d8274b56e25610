"""A run that was stopped goes on as if it had not been: the same weights, bit for bit, through the folder on disk."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import recurra
from recurra import model_folder
from recurra.api import training, training_run
from recurra.api.progress import ProgressLogger
from recurra.errors import DataError, DivergedError, ModelFolderError, StoppedError, UsageError

Train = Callable[..., recurra.Run]


@pytest.fixture
def stop_at(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Send a signal to this process once, when the run's step has the given number."""

    def arrange(step: int, number: signal.Signals = signal.SIGTERM) -> None:
        sent: list[int] = []

        class Interrupting(ProgressLogger):
            def tick(self, tick: Any) -> None:
                if tick.step == step and not sent:
                    sent.append(step)
                    signal.raise_signal(number)

        monkeypatch.setattr(training, "ProgressLogger", Interrupting)

    return arrange


def weights(folder: Path) -> dict[str, Tensor]:
    return model_folder.read(folder).weights()


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def without_seconds(run: recurra.Run) -> list[dict[str, Any]]:
    return [{k: v for k, v in point.items() if k != "seconds"} for point in run.metrics["history"]]


KINDS: dict[str, dict[str, Any]] = {
    "classify": {"dropout": 0.3, "embedding_dropout": 0.1, "num_layers": 2, "epochs": 2.5, "hidden_size": 4},
    "language": {"dropout": 0.2, "bptt": 20, "num_layers": 2, "epochs": 2.5, "learned_state": True, "hidden_size": 4},
}


@pytest.mark.parametrize("optimizer", ["adamw", "sgd", pytest.param("rmsprop", marks=pytest.mark.slow)])
@pytest.mark.parametrize("task", list(KINDS))
def test_a_run_stopped_anywhere_and_resumed_is_the_same_run(
    train: Train, stop_at: Callable[..., None], labels: Path, text: Path, tmp_path: Path, task: str, optimizer: str
) -> None:
    """6 (classify) or 5 (language, whose state is carried) steps an epoch: stopped at the first step, within an epoch,
    at an epoch's end and right after it.
    """
    text.write_text(text.read_text()[:1800])
    data = {"classify": labels, "language": text}[task]
    given = KINDS[task] | {"optimizer": optimizer}
    whole = train(data, out=tmp_path / "whole", **given)
    per_epoch = {"classify": 6, "language": 5}[task]
    assert whole.metrics["history"][-1]["step"] in range(2 * per_epoch, 3 * per_epoch + 1)
    stops = (1, 3, per_epoch, per_epoch + 1) if optimizer == "adamw" else (3, per_epoch + 2)
    for step in stops:
        stop_at(step)
        out = tmp_path / f"stopped-{step}"
        with pytest.raises(StoppedError):
            train(data, out=out, **given)
        resumed = train(resume=out)
        assert same(weights(out), weights(whole.folder)), step
        assert without_seconds(resumed) == without_seconds(whole), step
        assert resumed.metrics["metrics"] == whole.metrics["metrics"]


def test_stopped_twice(train: Train, stop_at: Callable[..., None], labels: Path, tmp_path: Path) -> None:
    whole = train(labels, out=tmp_path / "whole", dropout=0.5, recurrent_dropout=0.2)
    stop_at(2)
    with pytest.raises(StoppedError):
        train(labels, dropout=0.5, recurrent_dropout=0.2)
    stop_at(4)
    with pytest.raises(StoppedError):
        train(resume=tmp_path / "run")
    train(resume=tmp_path / "run")
    assert same(weights(tmp_path / "run"), weights(whole.folder))


def test_the_same_seed_is_the_same_run_and_another_is_not(
    train: Train, labels: Path, text: Path, tmp_path: Path
) -> None:
    for data in (labels, text):
        found = [
            weights(train(data, out=tmp_path / f"{data.stem}-{i}", dropout=0.3, seed=seed).folder)
            for i, seed in enumerate((7, 7, 8))
        ]
        assert same(found[0], found[1])
        assert not same(found[0], found[2])


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_run_leaves_a_folder_that_works(
    train: Train, stop_at: Callable[..., None], labels: Path, number: signal.Signals, code: int
) -> None:
    stop_at(1, number)
    with pytest.raises(StoppedError, match=rf"stopped by {number.name}; .*\n.*recurra train --resume .*run") as error:
        train(labels)
    assert error.value.exit_code == code
    run = recurra.load("run")
    assert run.metrics["status"] == "stopped"
    assert run.predict("abc")[0].label in ("low", "high")
    assert run.evaluate()["count"] > 0


@pytest.mark.parametrize("phase", ["build_record", "build_report", "load"])
def test_a_signal_while_the_run_is_evaluated(
    train: Train, labels: Path, monkeypatch: pytest.MonkeyPatch, phase: str
) -> None:
    """Trained and not evaluated, it goes on with that; evaluated, it is finished, and the signal is told."""
    with monkeypatch.context() as patched:
        patched.setattr(training_run, phase, lambda *_, **__: signal.raise_signal(signal.SIGINT))
        wanted = "when all was done" if phase == "load" else "go on with"
        with pytest.raises(StoppedError, match=f"(?s)stopped by SIGINT.*{wanted}"):
            train(labels, out="evaluated")
    stopped = model_folder.read("evaluated")
    assert stopped.metrics["status"] == ("finished" if phase == "load" else "stopped")
    if phase == "build_record":
        whole, resumed = train(labels), train(resume="evaluated")
        assert same(weights(resumed.folder), weights(whole.folder))
        assert resumed.metrics["metrics"] == whole.metrics["metrics"]
        assert without_seconds(resumed) == without_seconds(whole)


def test_what_may_change_when_a_run_goes_on(train: Train, stop_at: Callable[..., None], labels: Path) -> None:
    stop_at(3)
    with pytest.raises(StoppedError):
        train(labels)
    created = recurra.load("run").config["created"]
    for given in ({"hidden_size": 7}, {"seed": 1}, {"learning_rate": 0.1}):
        with pytest.raises(UsageError, match=f"keeps its settings; leave out {next(iter(given))}"):
            train(resume="run", **given)
    with pytest.raises(UsageError, match="keeps its data, task, folder and licence"):
        recurra.train(labels, resume="run")
    run = train(resume="run", epochs=2.0, patience=50)
    assert run.metrics["history"][-1]["epoch"] == 2
    assert run.settings.training.epochs == 2
    assert run.config["created"] == created
    with pytest.raises(UsageError, match=r"run is a finished run of 2 epochs .*as in --epochs 4"):
        train(resume="run")


def test_a_finished_run_goes_on_as_one_stopped_there_would(
    train: Train, stop_at: Callable[..., None], labels: Path, tmp_path: Path
) -> None:
    """Of the same schedule, for a constant learning rate does not depend on the length."""
    given = {"dropout": 0.3, "schedule": "constant", "warmup": 0.0}
    train(labels, epochs=1.0, **given)
    stop_at(6)
    with pytest.raises(StoppedError):
        train(labels, out=tmp_path / "stopped", epochs=2.0, **given)
    monitored = train(resume="run", epochs=2.0)
    whole = train(resume=tmp_path / "stopped")
    assert same(_last(monitored.folder), _last(whole.folder))
    assert monitored.metrics["history"][-1]["epoch"] == 2
    assert monitored.metrics["history"][-1]["validation_loss"] == whole.metrics["history"][-1]["validation_loss"]
    steps = [point["step"] for point in monitored.metrics["history"]]
    assert steps == sorted(set(steps))
    assert any("had finished after 1 epoch went on" in note for note in monitored.config["notes"])
    assert monitored.stored.finished_before == [1.0]
    minutes = monitored.metrics["history"][-1]["seconds"] / 60 + 0.05
    again = train(resume="run", minutes=minutes)
    assert again.stored.finished_before == [1.0, 2.0]
    assert (again.settings.training.epochs, again.settings.training.minutes) == (None, minutes)


def _last(folder: Path) -> dict[str, Tensor]:
    found = model_folder.read(folder).tensors("training_state.safetensors")
    return {name: value for name, value in found.items() if name.startswith("weight/")}


def test_altered_data_stop_a_resumed_run(train: Train, stop_at: Callable[..., None], labels: Path) -> None:
    stop_at(3)
    with pytest.raises(StoppedError):
        train(labels)
    before = (labels / "high.txt").read_text()
    (labels / "high.txt").write_text(before + "hhhh\n")
    with pytest.raises(DataError, match=r"high\.txt is not the file of this run"):
        train(resume="run")
    (labels / "high.txt").write_text(before)
    assert train(resume="run").metrics["status"] == "finished"


def test_a_folder_that_cannot_be_resumed(train: Train, stop_at: Callable[..., None], labels: Path) -> None:
    with pytest.raises(ModelFolderError, match="there is no such model folder"):
        train(resume="nowhere")
    stop_at(3)
    with pytest.raises(StoppedError):
        train(labels)
    found = model_folder.read("run")

    def rewritten(config: dict[str, Any] | None = None, extra: dict[str, bytes] | None = None) -> None:
        model_folder.write(
            "run",
            config=found.config | (config or {}),
            preprocessing=found.preprocessing,
            weights=found.weights(),
            metrics=found.metrics,
            extra=extra,
            overwrite=True,
        )

    kept = {name: found.read_extra(name) for name in found.extra}
    rewritten()
    with pytest.raises(ModelFolderError, match="there is no training state"):
        train(resume="run")
    rewritten({"cell_fingerprint": "0"}, kept)
    with pytest.raises(ModelFolderError, match="had other equations"):
        train(resume="run")
    rewritten(extra=kept | {"training_state.json": json.dumps({"epochs": 1}).encode()})
    with pytest.raises(ModelFolderError, match="training state cannot be read"):
        train(resume="run")
    rewritten(extra=kept | {"training_state.safetensors": b"nothing"})
    with pytest.raises(ModelFolderError, match="training state cannot be read"):
        train(resume="run")


def test_a_diverged_run_keeps_its_best_weights(train: Train, labels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from recurra.tasks.classify.trainee import ClassifyTrainee

    loss, steps = ClassifyTrainee.loss, []

    def breaking(self: Any, network: Any, batch: Any, state: Any) -> Any:
        steps.append(1)
        value, units, state = loss(self, network, batch, state)
        return (value * float("nan") if len(steps) == 8 else value), units, state

    monkeypatch.setattr(ClassifyTrainee, "loss", breaking)
    with pytest.raises(DivergedError, match=r"(?s)loss stopped .* at step 8 .*holds the best weights before that"):
        train(labels, epochs=2.0)
    run = recurra.load("run")
    assert run.metrics["status"] == "diverged"
    assert all(torch.isfinite(w).all() for w in weights(run.folder).values())
    assert len(run.metrics["history"]) >= 2
    steps.clear()
    monkeypatch.setattr(ClassifyTrainee, "loss", lambda *a: (loss(*a)[0] * float("inf"), 1, None))
    with pytest.raises(DivergedError, match="at step 1 "):
        train(labels, out="other")
    assert not Path("other").exists()
