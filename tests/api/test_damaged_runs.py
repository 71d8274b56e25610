"""Runs that were stopped and then damaged, moved or altered: they go on from what is whole, or say what is not."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

import recurra
from recurra import model_folder
from recurra.api import training, training_run
from recurra.api.progress import ProgressLogger
from recurra.cli import main
from recurra.errors import ModelFolderError, StoppedError

Train = Callable[..., recurra.Run]
STOPPED_AT = 4
SMALL = {"hidden_size": 6, "embedding_size": 5, "batch_size": 16, "device": "cpu", "epochs": 1.0, "quiet": True}


class Interrupting(ProgressLogger):
    def tick(self, tick: Any) -> None:
        if tick.step == STOPPED_AT:
            signal.raise_signal(signal.SIGTERM)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place with data and two runs of 6 steps, evaluated after each: one was stopped after 4."""
    place = tmp_path_factory.mktemp("trained")
    rng, folder = random.Random(0), place / "kinds"
    folder.mkdir()
    for name, letters in (("low", "abcde"), ("high", "efghi")):
        lines = sorted({"".join(rng.choices(letters, k=rng.randint(2, 9))) for _ in range(70)})[:60]
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training_run, "build_report", lambda record: "<html></html>")
        recurra.train(folder, out=place / "whole", dropout=0.3, **SMALL)
        patch.setattr(training, "ProgressLogger", Interrupting)
        with pytest.raises(StoppedError):
            recurra.train(folder, out=place / "run", dropout=0.3, **SMALL)
    return place


@pytest.fixture
def stopped(trained: Path, undrawn: None, tmp_path: Path) -> Path:
    """The stopped run, beside its data."""
    shutil.copytree(trained, tmp_path / "place")
    return tmp_path / "place" / "run"


def replace(folder: Path, name: str, content: bytes) -> None:
    """A file's content with its entry in the manifest, so that only the content can be wrong."""
    (folder / name).write_bytes(content)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    for one in manifest["files"]:
        if one["file"] == name:
            one.update(bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
    (folder / "manifest.json").write_text(json.dumps(manifest))


def change_tensors(folder: Path, name: str, **changes: Any) -> None:
    tensors = safetensors.torch.load((folder / name).read_bytes())
    for key, value in changes.items():
        tensors.pop(key, None)
        if value is not None:
            tensors[key] = value
    replace(folder, name, safetensors.torch.save(tensors))


def change_config(folder: Path, **changes: Any) -> None:
    whole = json.loads((folder / "config.json").read_bytes())
    whole["config"] |= changes
    replace(folder, "config.json", json.dumps(whole).encode())


@pytest.mark.parametrize(
    ("name", "way"),
    [("training_state.safetensors", "flipped"), ("training_state.json", "cut"), ("weights.safetensors", "gone")],
)
def test_a_damaged_newest_state_is_left_for_the_one_before(
    train: Train, stopped: Path, capfd: Any, name: str, way: str
) -> None:
    content = bytearray((stopped / name).read_bytes())
    if way == "flipped":
        content[len(content) // 2] ^= 1
        (stopped / name).write_bytes(content)
    elif way == "cut":
        (stopped / name).write_bytes(content[:-5])
    else:
        (stopped / name).unlink()
    with pytest.raises(ModelFolderError, match=name.replace(".", r"\.")):
        recurra.load(stopped)
    run = train(resume=stopped, quiet=False)
    said = capfd.readouterr().err
    assert f"{name} " in said
    assert "going on from the training state before that" in said
    whole = recurra.load(stopped.with_name("whole"))
    a, b = (model_folder.read(r.folder).weights() for r in (run, whole))
    assert all(torch.equal(a[k], b[k]) for k in b)
    assert [p["step"] for p in run.metrics["history"]] == [p["step"] for p in whole.metrics["history"]]


def test_what_both_states_need_must_be_whole(train: Train, stopped: Path) -> None:
    keep = stopped.with_name("kept")
    shutil.copytree(stopped, keep)
    for names in (["config.json"], ["preprocessing.json"], ["training_state.json", "previous_state.json"]):
        for name in names:
            (stopped / name).write_bytes((stopped / name).read_bytes()[:-9])
        with pytest.raises(ModelFolderError, match="truncated"):
            train(resume=stopped)
        shutil.rmtree(stopped)
        shutil.copytree(keep, stopped)
    (stopped / "previous_state.safetensors").write_bytes(b"")
    assert train(resume=stopped).metrics["status"] == "finished"


@pytest.mark.parametrize("moment", ["exp_avg", "exp_avg_sq"])
def test_moments_of_another_shape_never_reach_the_optimizer(stopped: Path, capfd: Any, moment: str) -> None:
    """A fused step trusts their shapes: it would write beyond them."""
    change_tensors(stopped, "training_state.safetensors", **{f"optimizer/0/{moment}": torch.zeros(1)})
    assert main(["train", "--resume", str(stopped), "--quiet"]) == 4
    assert f"optimizer/0/{moment} is float32 [1], should be float32 [" in capfd.readouterr().err


def test_a_state_without_one_of_its_tensors(train: Train, stopped: Path) -> None:
    names = [
        key for key in safetensors.torch.load((stopped / "training_state.safetensors").read_bytes()) if "/2/" in key
    ]
    change_tensors(stopped, "training_state.safetensors", **dict.fromkeys(names))
    with pytest.raises(ModelFolderError, match=r"do not have the same tensors, such as .'optimizer/2/exp_avg'"):
        train(resume=stopped)


def test_a_state_far_too_large_is_not_read(train: Train, stopped: Path) -> None:
    change_tensors(stopped, "training_state.safetensors", x=torch.zeros(3_000_000))
    counters = json.loads((stopped / "training_state.json").read_bytes())
    del counters["tensors"]
    replace(stopped, "training_state.json", json.dumps(counters).encode())
    with pytest.raises(ModelFolderError, match=r"training_state\.safetensors has 12,\d+,\d+ bytes; .* at most"):
        train(resume=stopped)


@pytest.mark.parametrize(
    ("then", "said"),
    [
        ({"engine": "reference"}, "engine reference, now"),
        ({"environment": {"threads": 77}}, "threads 77, now"),
        ({"environment": {"variant": "amx9"}}, "variant amx9, now"),
        ({"environment": {"device": "a GPU"}}, "device a GPU, now cpu"),
    ],
)
def test_a_run_that_goes_on_otherwise_says_so(
    train: Train, stopped: Path, capfd: Any, then: dict[str, Any], said: str
) -> None:
    change_config(stopped, **then)
    run = train(resume=stopped, quiet=False)
    err = capfd.readouterr().err
    assert "not bit-exact" in err
    assert said in err
    assert any("not bit-exact" in note for note in run.config["notes"])


def test_another_version_is_said_and_the_same_machine_says_nothing(train: Train, stopped: Path, capfd: Any) -> None:
    copy = shutil.copytree(stopped, stopped.with_name("copy"))
    train(resume=stopped, quiet=False)
    assert "bit-exact" not in capfd.readouterr().err
    whole = json.loads((copy / "config.json").read_bytes())
    whole["versions"] = {"recurra": "0.0.1", "torch": "2.0.0"}
    replace(copy, "config.json", json.dumps(whole).encode())
    train(resume=copy, quiet=False)
    err = capfd.readouterr().err
    assert "not bit-exact" in err
    assert "recurra 0.0.1, now" in err
    assert "torch 2.0.0, now" in err


def test_a_run_that_never_learned_says_so(train: Train, labels: Path, capfd: Any) -> None:
    run = train(labels, optimizer="rmsprop", learning_rate=1e6, clip_norm=None)
    assert "warning: training diverged: the best validation loss is" in capfd.readouterr().err
    assert any("training diverged" in note for note in run.config["notes"])
