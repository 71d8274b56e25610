"""Runs with every cell and with settings of many kinds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import recurra
from recurra import model_folder
from recurra.errors import ModelFolderError

Train = Callable[..., recurra.Run]


def check_types(run: recurra.Run) -> None:
    """What is stored is of full precision; the keys of a linear skip are whole numbers."""
    for name, weight in model_folder.read(run.folder).weights().items():
        assert weight.dtype == (torch.int64 if name == "skip.keys" else torch.float32), name


@pytest.mark.parametrize("cell", [c for c in recurra.cell_names() if c not in ("gru", "lstm")])
def test_every_cell_trains_both_tasks(train: Train, labels: Path, text: Path, tmp_path: Path, cell: str) -> None:
    short = tmp_path / "short.txt"
    short.write_text(text.read_text()[:500])
    one = train(labels, cell=cell, epochs=0.3)
    assert one.config["engine"] == "native"
    two = train(short, cell=cell, epochs=0.3, bptt=8, out=tmp_path / "two")
    assert two.generate("s", 3, seed=0) == recurra.load(two.folder).generate("s", 3, seed=0)
    assert one.predict("abc") == recurra.load(one.folder).predict("abc")


@pytest.mark.parametrize(
    "more",
    [
        {
            "recurrent_dropout": 0.3,
            "learned_state": True,
            "merge": "sum",
            "num_layers": 2,
            "pooling": "all",
            "skip": "auto",
        },
        {"embedding_dropout": 0.2, "pooling": "mean", "init": "torch", "optimizer": "rmsprop", "level": "byte"},
        {"bidirectional": False, "bptt": 3, "pooling": "max", "optimizer": "sgd", "precision": "bf16"},
        {
            "max_length": 4,
            "keep_repeats": True,
            "clip_value": 0.1,
            "schedule": "constant",
            "level": "word",
            "min_count": 1,
            "engine": "reference",
        },
    ],
)
def test_classifiers_of_all_kinds(train: Train, labels: Path, more: dict[str, Any]) -> None:
    run = train(labels, epochs=0.5, **more)
    assert recurra.load(run.folder).predict(["abc", "ghi"]) == run.predict(["abc", "ghi"])
    found = run.evaluate()
    assert found["loss"] == run.metrics["metrics"]["loss"]
    check_types(run)


@pytest.mark.parametrize(
    "more",
    [
        {"recurrent_dropout": 0.3, "learned_state": True, "num_layers": 2, "bptt": 10},
        {"tie_weights": True, "embedding_size": 6, "embedding_dropout": 0.2, "dropout": 0.2},
        {"level": "word", "bptt": 5, "precision": "bf16", "max_vocabulary": 8},
        {"level": "byte", "cell": "gru", "batch_size": 1, "optimizer": "sgd", "clip_norm": None},
        {"bptt": None, "batch_size": 40, "normalize": ["ascii", "lowercase"]},
    ],
)
def test_language_models_of_all_kinds(train: Train, text: Path, tmp_path: Path, more: dict[str, Any]) -> None:
    text.write_text(text.read_text()[:600])
    run = train(text, epochs=1.5, **more)
    again = recurra.load(run.folder)
    assert again.generate("sun", 5, seed=1) == run.generate("sun", 5, seed=1)
    assert again.evaluate()["loss"] == run.metrics["metrics"]["loss"]
    check_types(run)


def test_tied_vectors_follow_the_sizes_that_are_given(train: Train, text: Path, tmp_path: Path) -> None:
    given = {"level": "word", "hidden_size": 7, "batch_size": 4, "epochs": 1.0, "device": "cpu", "quiet": True}
    follows = recurra.train(text, out=tmp_path / "a", **given).settings.network
    assert (follows.tie_weights, follows.embedding_size) == (True, 7)
    apart = train(text, level="word", out=tmp_path / "b").settings.network
    assert (apart.tie_weights, apart.embedding_size, apart.hidden_size) == (False, 5, 6)


def test_half_precision_learns(train: Train, labels: Path, text: Path, tmp_path: Path) -> None:
    for data in (labels, text):
        run = train(
            data, out=tmp_path / f"{data.stem}-run", precision="bf16", epochs=4.0, bptt=None, learning_rate=0.02
        )
        losses = [point["validation_loss"] for point in run.metrics["history"]]
        assert losses[-1] < losses[0] - 0.05
        assert run.evaluate()["loss"] == pytest.approx(losses[run.metrics["best"]], abs=0.3)
        check_types(run)


def test_a_cell_of_ones_own(train: Train, labels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from recurra.cells import catalogue
    from recurra.equations.symbols import R, W, b, sigmoid, tanh

    @recurra.cell(source="made up here")
    def slow_rnn(x, h):  # type: ignore[no-untyped-def]
        z = sigmoid(W.z @ x + b.z)
        return z * h + (1 - z) * tanh(W.n @ x + R.n @ h + b.n)

    @recurra.cell(source="made up here", name="slow-rnn")
    def slower_rnn(x, h):  # type: ignore[no-untyped-def]
        z = sigmoid(W.z @ x + R.z @ h + b.z)
        return z * h + (1 - z) * tanh(W.n @ x + R.n @ h + b.n)

    monkeypatch.setattr(catalogue, "_cells", dict(catalogue._cells))
    recurra.register(slow_rnn)
    run = train(labels, cell="slow-rnn")
    assert recurra.load(run.folder).predict("abc") == run.predict("abc")
    del catalogue._cells["slow-rnn"]
    with pytest.raises(ModelFolderError, match="run: its cell 'slow-rnn' is not registered here"):
        recurra.load(run.folder)
    recurra.register(slower_rnn)
    with pytest.raises(ModelFolderError, match="'slow-rnn' had other equations"):
        recurra.load(run.folder)
