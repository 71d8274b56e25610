"""Model folders sent to a hub and fetched from it, against one of this process."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

pytest.importorskip("huggingface_hub")

from fake_hub import Hub, running

from recurra import model_folder
from recurra.api.hub import pull, push
from recurra.errors import ModelFolderError, RecurraError, UsageError

FILES = ["README.md", "config.json", "manifest.json", "metrics.json", "preprocessing.json", "report.html",
         "report.json", "weights.safetensors"]  # fmt: skip


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    with running() as made:
        yield made


@pytest.fixture
def model(tmp_path: Path) -> Path:
    extra = {"report.html": b"<p>", "report.json": b"{}", "README.md": b"# a card", "training_state.safetensors": b"s"}
    model_folder.write(
        tmp_path / "model", config={"task": "classify"}, preprocessing={}, weights={"w": torch.arange(3.0)},
        metrics={}, extra=extra | {"training_state.json": b"{}"},
    )  # fmt: skip
    return tmp_path / "model"


def sent(model: Path, hub: Hub, **given: object) -> str:
    return push(model, "me/names", token="hf_x", endpoint=hub.address, **given).commit


def test_what_was_pushed_is_pulled_bit_for_bit_at_its_commit(model: Path, hub: Hub, tmp_path: Path) -> None:
    commit = sent(model, hub)
    assert sorted(hub.commits["me/names"][0][1]) == FILES  # without what a run goes on from
    said: list[str] = []
    found = pull("me/names", tmp_path / "got", token="hf_x", endpoint=hub.address, say=said.append)
    assert (found.commit, found.left) == (commit, [])
    assert f"the main branch of me/names is now {commit}" in said[0]
    ours, other = model_folder.read(tmp_path / "got"), model_folder.read(model)
    assert torch.equal(ours.weights()["w"], other.weights()["w"])
    assert ours.config == other.config
    other_one = sent(model, hub, report=False, state=True)
    assert other_one != commit
    assert "report.html" not in hub.commits["me/names"][1][1]
    assert "training_state.safetensors" in hub.commits["me/names"][1][1]
    said.clear()
    again = pull("me/names", tmp_path / "old", revision=commit, token="hf_x", endpoint=hub.address, say=said.append)
    assert again.commit == commit
    assert not [line for line in said if "is now" in line]


def test_only_what_the_model_lists_is_fetched_and_it_is_checked(model: Path, hub: Hub, tmp_path: Path) -> None:
    sent(model, hub)
    files = hub.commits["me/names"][0][1]
    files |= {"evil.pkl": b"cos\nsystem", "pytorch_model.bin": b"x"}
    out = tmp_path / "got"
    assert pull("me/names", out, endpoint=hub.address).left == ["evil.pkl", "pytorch_model.bin"]
    assert not [path for path in hub.asked if "evil" in path or path.endswith(".bin")]
    assert sorted(path.name for path in out.iterdir()) == FILES
    for name, content, says in (
        (
            "weights.safetensors",
            files["weights.safetensors"][:-1] + b"!",
            r"me/names: weights\.safetensors was altered",
        ),
        ("config.json", b"{}", r"me/names: config\.json is truncated"),
        ("manifest.json", files["manifest.json"].replace(b"report.html", b"../../x.htm"), "not a plain file name"),
        ("manifest.json", files["manifest.json"].replace(b"report.html", b"report.pkl"), r"lists 'report\.pkl'"),
        ("manifest.json", files["manifest.json"].replace(b"report.html", b"other.html"), r"lacks 'other\.html'"),
    ):
        hub.tampered = {name: content}
        with pytest.raises(ModelFolderError, match=says):
            pull("me/names", tmp_path / "bad", endpoint=hub.address)
        assert not (tmp_path / "bad").exists()


def test_what_is_not_there_or_not_allowed_is_said(model: Path, hub: Hub, tmp_path: Path) -> None:
    sent(model, hub)
    hub.commit("me/other", {"config.json": b"{}"})
    for repo, revision, error, says in (
        ("me/nothing", None, UsageError, "no model me/nothing that you may see"),
        ("me/names", "v9", UsageError, "no such revision"),
        ("me/other", None, ModelFolderError, "holds no model of Recurra"),
        ("names", None, UsageError, "name it as OWNER/NAME"),
        ("../x/y", None, UsageError, "name it as OWNER/NAME"),
    ):
        with pytest.raises(error, match=says):
            pull(repo, tmp_path / "bad", revision=revision, endpoint=hub.address)
    (tmp_path / "there").mkdir()
    with pytest.raises(UsageError, match="already exists"):
        pull("me/names", tmp_path / "there", endpoint=hub.address)
    with pytest.raises(ModelFolderError, match="no such model folder"):
        push(tmp_path / "nowhere", "me/names", endpoint=hub.address)
    model_folder.add(model, "more.pkl", b"x")
    with pytest.raises(ModelFolderError, match=r"lists 'more\.pkl'; only files of"):
        sent(model, hub)
    hub.refuses = True
    model_folder.write(tmp_path / "b", config={}, preprocessing={}, weights={"w": torch.ones(1)}, metrics={})
    with pytest.raises(UsageError, match=r"does not let you do this to me/names \(403\)"):
        sent(tmp_path / "b", hub)


def test_a_hub_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running() as hub:
        gone = hub.address
    with pytest.raises(RecurraError, match="the hub cannot be reached"):
        pull("me/names", tmp_path / "got", endpoint=gone)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'recurra\[hub\]'"):
        pull("me/names", tmp_path / "got")
