"""Tiny data, tiny models trained once, and the command line called in this process."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import TINY, Recurra, Result, write_names

from recurra.api import record, training_run
from recurra.cli import main


@pytest.fixture(autouse=True)
def _undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page takes longer to draw than such a run to train; those of models trained once are drawn."""
    monkeypatch.setattr(training_run, "build_report", lambda record: "<html></html>")
    monkeypatch.setattr(record, "inside", lambda *given: ([], []))


@pytest.fixture
def recurra(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recurra:
    """The command line, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> Result:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        return Result(code, *capsys.readouterr())

    return call


@pytest.fixture(scope="session")
def names(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_names(tmp_path_factory.mktemp("names") / "names")


@pytest.fixture(scope="session")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "play.txt"
    path.write_text("".join(f"ROMEO: line {i} of the play.\n" for i in range(120)), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def classifier(names: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "classifier"
    assert main(["train", str(names), "--out", str(folder), "--quiet", *TINY]) == 0
    return folder


@pytest.fixture(scope="session")
def language_model(text: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "language"
    assert main(["train", str(text), "--out", str(folder), "--quiet", *TINY]) == 0
    return folder
