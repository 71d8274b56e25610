"""TensorBoard, Weights & Biases and MLflow beside a run; the real packages with `pytest -m slow`, if installed."""

from __future__ import annotations

import importlib.util
import json
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import recurra
from recurra.errors import CallbackError, UnknownNameError, UsageError

Train = Callable[..., recurra.Run]


class FailsAt:
    """Fails at a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step(self, step: Any) -> None:
        if step.step == self.step:
            raise ValueError("boom")


def stopped_and_resumed(train: Train, labels: Path, log: str) -> recurra.Run:
    with pytest.raises(CallbackError):
        train(labels, log=log, callbacks=[FailsAt(4)], hidden_size=5)
    return train(resume="run", log=log)


def losses(run: recurra.Run) -> list[tuple[float, int]]:
    return [(each["validation_loss"], each["step"]) for each in run.metrics["history"]]


def test_tensorboard_lies_beside_the_folder_and_goes_on(
    train: Train, labels: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    written: list[tuple[Any, ...]] = []

    class Writer:
        def __init__(self, folder: str, purge_step: int | None) -> None:
            written.append(("open", folder, purge_step))

        def add_scalar(self, name: str, value: float, step: int) -> None:
            written.append((name, value, step))

        def flush(self) -> None: ...

        def close(self) -> None:
            written.append(("close",))

    fake: Any = types.ModuleType("torch.utils.tensorboard")
    fake.SummaryWriter = Writer
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", fake)
    run = stopped_and_resumed(train, labels, "tensorboard")
    place = str(tmp_path / "tensorboard" / "run")
    assert [each for each in written if each[0] == "open"] == [("open", place, None), ("open", place, 5)]
    assert written[-1] == ("close",)
    assert [each[1:] for each in written if each[0] == "loss/validation"] == losses(run)
    (result,) = (each for each in written if each[0] == "result/accuracy")
    assert result[1:] == (run.metrics["metrics"]["accuracy"], run.metrics["history"][-1]["step"])


class FakeWandb(types.ModuleType):
    """What of wandb is used, kept in lists."""

    def __init__(self) -> None:
        super().__init__("wandb")
        self.runs: list[Any] = []
        self.errors = types.SimpleNamespace(Error=RuntimeError)
        self.refusal = ""

    def Settings(self, **given: Any) -> dict[str, Any]:
        return given

    def Html(self, page: str, *, inject: bool) -> str:
        return page

    def init(self, **given: Any) -> Any:
        if self.refusal:
            raise RuntimeError(self.refusal)
        log: list[dict[str, Any]] = []
        ends: list[int] = []
        run = types.SimpleNamespace(
            given=given,
            logged=log,
            ends=ends,
            summary={},
            log=log.append,
            define_metric=lambda *a, **k: None,
            finish=lambda *, exit_code: ends.append(exit_code),
        )
        self.runs.append(run)
        return run


def test_a_run_of_wandb_goes_on_when_ours_does(
    train: Train, labels: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake = FakeWandb()
    monkeypatch.setitem(sys.modules, "wandb", fake)
    run = stopped_and_resumed(train, labels, "wandb")
    first, second = fake.runs
    assert first.given["id"] == second.given["id"]
    assert (first.given["name"], first.given["dir"], first.given["project"]) == ("run", str(tmp_path), "recurra")
    assert first.given["config"]["network.hidden_size"] == 5
    assert first.given["config"]["task"] == "classify"
    told = [(each["loss/validation"], each["step"]) for each in first.logged + second.logged if "step" in each]
    assert told == losses(run)
    assert (first.ends, second.ends) == ([1], [0])
    assert second.summary["result/accuracy"] == run.metrics["metrics"]["accuracy"]
    assert second.logged[-1]["report"] == run.report.read_text(encoding="utf-8")
    assert not any("report" in each for each in first.logged)


def test_wandb_that_cannot_start_is_told_with_the_remedy(
    train: Train, labels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeWandb()
    fake.refusal = "api_key not configured (no-tty)"
    monkeypatch.setitem(sys.modules, "wandb", fake)
    with pytest.raises(UsageError, match=r"(?s)api_key not configured.*WANDB_MODE=offline"):
        train(labels, log="wandb")


@pytest.mark.parametrize("log", ["tensorboard", "wandb", "mlflow"])
def test_a_log_that_is_not_installed(train: Train, labels: Path, monkeypatch: pytest.MonkeyPatch, log: str) -> None:
    monkeypatch.setitem(sys.modules, {"tensorboard": "torch.utils.tensorboard"}.get(log, log), None)
    with pytest.raises(UsageError, match=f"pip install {log}"):
        train(labels, log=log)
    assert not Path("run").exists()


def test_a_log_that_there_is_not(train: Train, labels: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'tensorboard'"):
        train(labels, log="tensorbord")


real = pytest.mark.slow


@real
@pytest.mark.skipif(importlib.util.find_spec("mlflow") is None, reason="mlflow is not installed")
@pytest.mark.filterwarnings("ignore")
def test_the_real_mlflow(train: Train, labels: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import mlflow

    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "mlruns").as_uri())
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    run = stopped_and_resumed(train, labels, "mlflow")
    client = mlflow.MlflowClient()
    (experiment,) = (each for each in client.search_experiments() if each.name == "recurra")
    (found,) = client.search_runs([experiment.experiment_id])
    assert (found.info.status, found.info.run_name) == ("FINISHED", "run")
    assert found.data.params["network.hidden_size"] == "5"
    history = client.get_metric_history(found.info.run_id, "loss/validation")
    assert [(each.value, each.step) for each in history] == losses(run)
    assert found.data.metrics["result/accuracy"] == run.metrics["metrics"]["accuracy"]
    assert [each.path for each in client.list_artifacts(found.info.run_id)] == ["report.html"]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(UsageError, match=r"mlflow cannot start at http://127\.0\.0\.1:9"):
        train(labels, log="mlflow", overwrite=True)


@real
@pytest.mark.skipif(importlib.util.find_spec("wandb") is None, reason="wandb is not installed")
@pytest.mark.filterwarnings("ignore")
def test_the_real_wandb(train: Train, labels: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    run = stopped_and_resumed(train, labels, "wandb")
    folders = sorted((tmp_path / "wandb").glob("offline-run-*"))
    assert len({each.name.rsplit("-", 1)[1] for each in folders}) == 1, "both parts are one run of wandb's"
    records = b"".join(path.read_bytes() for each in folders for path in each.glob("*.wandb"))
    for wanted in (b"network.hidden_size", b"loss/validation", b"result/accuracy"):
        assert wanted in records
    assert json.dumps(losses(run)[-1][0]).encode()[:12] in records
