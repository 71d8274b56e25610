"""What is wrong with a training, from the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from command_line import Recurra

from recurra.api import diagnosing


def test_a_run_is_looked_at_as_it_stands(recurra: Recurra, classifier: Path) -> None:
    found = recurra("diagnose", classifier)
    assert found.code == 0, found.err
    lines = found.out.splitlines()
    assert lines[-1].startswith("verdict: ")
    assert any("the gradient of stack.l0 reaches" in line for line in lines)
    recurra("diagnose", classifier, "--cell", "gru").refused(2, "cell is of a training on DATA")


def test_data_are_trained_on_without_a_folder(recurra: Recurra, names: Path, tmp_path: Path) -> None:
    words = ("--epochs", "1", "--hidden-size", "4", "--embedding-size", "3", "--quiet")
    found = recurra("diagnose", names, *words, "--json", "--plot", "why.svg")
    assert found.code == 0, found.err
    document = json.loads(found.out)
    assert document["watched"]["looks"]
    assert (tmp_path / "why.svg").read_text(encoding="utf-8").startswith("<svg")
    assert [path.name for path in tmp_path.iterdir()] == ["why.svg"]


def test_a_run_whose_data_are_gone(recurra: Recurra, names: Path, tmp_path: Path) -> None:
    words = ("--epochs", "1", "--hidden-size", "4", "--embedding-size", "3", "--quiet")
    data = shutil.copytree(names, tmp_path / "data")
    assert recurra("train", data, "--out", tmp_path / "run", *words).code == 0
    shutil.rmtree(data)
    recurra("diagnose", tmp_path / "run").refused(3, "the data of this run are gone", "recurra diagnose DATA")


def test_a_picture_is_refused_before_a_training(recurra: Recurra, names: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosing, "prepare_run", lambda *_: pytest.fail("something was read"))
    recurra("diagnose", names, "--plot", "why.png").refused(2, "name it why.svg")
    recurra("diagnose", names, "--plot", "").refused(2, "name it picture.svg")


def test_a_watched_training_says_what_it_saw(recurra: Recurra, names: Path, tmp_path: Path) -> None:
    words = ("--epochs", "1", "--hidden-size", "4", "--embedding-size", "3")
    found = recurra("train", names, "--out", tmp_path / "run", "--watch", *words)
    assert found.code == 0, found.err
    assert "watch: step 1, the gradient of" in found.err
    assert "watch: verdict: " in found.err
    assert (tmp_path / "run" / "watch.json").is_file()
    assert recurra("diagnose", tmp_path / "run").code == 0
