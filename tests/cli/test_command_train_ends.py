"""How a training begins and ends on the command line."""

from __future__ import annotations

import io
import os
import shlex
import subprocess
import sys
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import TINY, Recurra

import recurra as package
from recurra.api import training
from recurra.engines.native import library
from recurra.errors import UsageError


@pytest.fixture
def without_native(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("RECURRA_NATIVE_DIR", str(Path(__file__).parent))
    library.read_environment_again()
    yield
    monkeypatch.undo()
    library.read_environment_again()


def test_from_the_first_line_to_the_report(
    recurra: Recurra, names: Path, without_native: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda page: opened.append(page) or True)
    result = recurra("train", names, "--out", "my run", "--open", "--skip", "none", *TINY)
    assert (result.code, result.out) == (0, "my run\n")
    lines = result.err.splitlines()
    assert lines[0] == f"training on {names}"
    (missing,) = (line for line in lines if "native" in line and line.startswith("note: "))
    assert "slower without the native engine" in missing
    assert "install one (g++)" in missing
    (verdict,) = (line for line in lines if line.startswith("verdict: "))
    assert verdict.startswith("verdict: accuracy ")
    assert " points below " in verdict
    tried = [line.removeprefix("try: recurra ") for line in lines if line.startswith("try: ")]
    assert 2 <= len(tried) <= 3
    assert "hint: " in result.err
    assert lines[-1] == f"report: {Path('my run/report.html')}"
    assert opened == [(Path.cwd() / "my run" / "report.html").as_uri()]
    for line in tried:
        assert recurra(*shlex.split(line)).code == 0, line


def test_without_a_browser_the_report_is_named(recurra: Recurra, names: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webbrowser, "open", lambda page: False)
    result = recurra("train", names, "--out", "run", "--open", "--quiet", *TINY)
    assert (result.code, result.out) == (0, "run\n")
    assert result.err == f"note: no browser was found to open {Path('run/report.html')}\n"


def test_a_run_that_goes_on_says_so_at_once(recurra: Recurra, classifier: Path) -> None:
    result = recurra("train", "--resume", classifier)
    assert result.err.splitlines()[0] == f"resuming {classifier}"
    result.refused(2, "finished")


@pytest.mark.parametrize("kind", ["language_model", "classifier"])
def test_what_is_offered_to_try_works(recurra: Recurra, kind: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(kind)
    for line in package.load(folder).model.commands(shlex.quote(str(folder))):
        if "--interactive" not in line:
            assert recurra(*shlex.split(line)).code == 0, line


def test_the_first_line_comes_before_torch(tmp_path: Path) -> None:
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("raise KeyboardInterrupt", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "recurra", "train", "no\nsuch"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )
    assert done.stderr.splitlines()[0] == "training on no\\nsuch"
    assert "interrupted" in done.stderr


def test_numbers_are_trained_as_text_only_when_asked_for(
    recurra: Recurra, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "air.dat").write_text("".join(f"{i} {i * i % 97}.5\n" for i in range(200)), encoding="utf-8")
    recurra("train", "air.dat", "--out", "run").refused(3, "air.dat: this may be no text", "--task language")
    assert not (tmp_path / "run").exists()

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    asked: list[object] = []

    def train(data: object, *, task: str | None, **given: Any) -> Any:
        asked.append(task)
        if task is None:
            return real(data, task=task, **given)
        raise UsageError("stopped before the work")

    real = training.train
    monkeypatch.setattr(training, "train", train)
    for answer, tasks in (("n\n", [None]), ("y\n", [None, "language"])):
        asked.clear()
        monkeypatch.setattr(sys, "stdin", Terminal(answer))
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
        result = recurra("train", "air.dat", "--out", "run")
        assert (result.code, asked) == (3 if answer == "n\n" else 2, tasks)
        assert "train on it as text all the same? [y/N]" in result.err
