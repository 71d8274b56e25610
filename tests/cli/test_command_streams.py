"""Descriptors that are closed, full or left by their reader, pipes in place of data, and what a terminal is shown."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import TINY, Recurra

import recurra as package
from recurra.cli import main
from recurra.model_folder import manifest
from recurra.model_folder.claim import claimed

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX descriptors")


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A line of bash in which `recurra` is the command, with the exit code of the first in a pipe."""
    recurra = f"{sys.executable} -m recurra"
    script = f"{line.replace('recurra', recurra, 1)}; exit ${{PIPESTATUS[0]}}"
    return subprocess.run(["bash", "-c", script], cwd=folder, capture_output=True, text=True, timeout=200, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("heard", ["2>&1 | head -1", ">&- 2>/dev/full <&-"])
def test_a_training_that_nobody_hears_is_finished(names: Path, tmp_path: Path, heard: str) -> None:
    done = shell(f"recurra train {names} --out run {' '.join(TINY)} {heard}", tmp_path)
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == ("head" in heard)
    assert package.load(tmp_path / "run").metrics["status"] == "finished"


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&- <&-"])
def test_closed_descriptors(tmp_path: Path, closed: str) -> None:
    done = shell(f"recurra --version {closed}", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_full_disk_is_told_where_the_output_is_the_result(tmp_path: Path) -> None:
    done = shell("recurra --version >/dev/full", tmp_path)
    assert (done.returncode, done.stderr) == (1, "recurra: error: No space left on device\n")


class Full(io.StringIO):
    """Takes nothing."""

    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


def test_a_folder_that_cannot_be_named_is_there(
    language_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, err = Full(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    assert main(["vectors", str(language_model), "--out", str(tmp_path / "v.txt"), "--quiet"]) == 0
    assert err.getvalue() == "note: standard output cannot be written: No space left on device\n"
    assert (tmp_path / "v.txt").is_file()
    assert main(["explain"]) == 1
    assert (sys.stdout, sys.stderr) == (out, err)


# data that are no files


@pytest.fixture
def odd(tmp_path: Path) -> dict[str, Path]:
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "link.txt").symlink_to(tmp_path / "pipe.csv")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(tmp_path / "s.txt"))
    return {
        "pipe": tmp_path / "pipe.csv",
        "link": tmp_path / "link.txt",
        "socket": tmp_path / "s.txt",
        "device": Path("/dev/zero"),
        "input": Path("-"),
    }


@pytest.mark.parametrize("kind", ["pipe", "link", "socket", "device", "input"])
def test_what_is_no_file_is_refused_before_it_is_opened(
    recurra: Recurra, language_model: Path, names: Path, odd: dict[str, Path], kind: str
) -> None:
    path = odd[kind]
    for line in (
        ("train", path),
        ("train", names, "--validation", path),
        ("train", names, "--parallel", path),
        ("train", names, "--vectors", path),
        ("evaluate", language_model, path),
        ("vectors", path, "--out", "v"),
        ("score", language_model, "--candidates", path),
    ):
        recurra(*line).refused(3, "is not a file" if kind == "input" else "not a file", "write it to a file first")


def test_a_folder_that_may_not_be_read(recurra: Recurra, names: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", denied)
    recurra("train", names).refused(3, f"{names}: cannot be read: Permission denied")


def test_standard_input_that_never_ends(classifier: Path, recurra: Recurra, monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/zero", encoding="utf-8") as zeros:
        monkeypatch.setattr(sys, "stdin", zeros)
        recurra("predict", classifier, "-").refused(3, "standard input:1: more than 4,000,000 bytes in a line")


# folders


@pytest.mark.parametrize("name", ["out/missing", "./missing", "missing.d", "here"])
def test_a_model_folder_that_is_none(recurra: Recurra, name: str) -> None:
    Path("here").mkdir()
    wanted = "not a model folder" if name == "here" else "there is no such model folder"
    for line in (("explain", name), ("evaluate", name), ("predict", name, "a"), ("generate", name)):
        recurra(*line).refused(4, f"{Path(name)}: {wanted}")


def test_two_runs_never_write_one_folder(recurra: Recurra, names: Path) -> None:
    with claimed(Path("same"), overwrite=False):
        for more in ((), ("--overwrite",)):
            recurra("train", names, "--out", "same", *more).refused(2, "same is being written by process", "--out")
    assert os.listdir() == []
    with claimed(Path("runs/names-gru"), overwrite=False):
        assert recurra("train", names, "--quiet", *TINY).out == "runs/names-gru-2\n"
    assert os.listdir("runs") == ["names-gru-2"]


# terminals


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., str]:
    """What a command line shows on a terminal, stdout and stderr together."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TERM", "dumb")

    def call(*arguments: object) -> str:
        stream = Terminal()
        with monkeypatch.context() as patched:
            patched.setattr(sys, "stdout", stream)
            patched.setattr(sys, "stderr", stream)
            main([str(argument) for argument in arguments])
        return stream.getvalue()

    return call


EVIL = "\x1b]0;x\x07\x9b31m\x7f\u202e\u200b[red]x[/red][/]:smile:"


def test_nothing_that_is_shown_commands_the_terminal(
    terminal: Callable[..., str], classifier: Path, language_model: Path, tmp_path: Path
) -> None:
    """Names of files, folders, labels and columns, texts, settings, and what a foreign model folder says."""
    foreign = tmp_path / f"model{EVIL.replace('/', '')}"
    shutil.copytree(classifier, foreign)
    said = json.loads((foreign / "config.json").read_text())
    said["config"]["name"] = said["config"]["engine"] = said["config"]["command"] = EVIL
    said["config"]["source"]["name"] = EVIL
    (foreign / "config.json").write_text(json.dumps(said))
    entries = [
        manifest.Entry(p.name, p.stat().st_size, hashlib.sha256(p.read_bytes()).hexdigest())
        for p in foreign.iterdir()
        if p.name != manifest.MANIFEST
    ]
    (foreign / manifest.MANIFEST).write_bytes(manifest.to_bytes(entries))
    rows = "".join(f"name{i}{EVIL},{EVIL}{'xy'[i % 2]}\n" for i in range(20))
    (tmp_path / "t.csv").write_text(f"text,label\n{rows}")
    shown = [
        terminal("train", "t.csv", "--out", foreign.with_name("out\x1b[2J"), *TINY),
        terminal("evaluate", foreign),
        terminal("predict", foreign, EVIL),
        terminal("predict", foreign, EVIL, "--json"),
        terminal("explain", foreign),
        terminal("explain", EVIL),
        terminal("train", EVIL),
        terminal("train", "t.csv", "--task", EVIL),
        terminal("generate", language_model, "--prompt", EVIL),
        terminal("generate", language_model, "--class", EVIL),
        terminal("score", language_model, "--candidates", EVIL),
        terminal("data", "get", EVIL),
        terminal(EVIL),
        terminal("train", "t.csv", "--text", EVIL),
        terminal("predict", EVIL, "a"),
    ]
    for text in shown:
        assert text
        assert not set(text) & set("\x1b\x07\x9b\x7f\u202e\u200b"), text
        assert "Traceback" not in text
    assert "[red]x[/red]" in shown[0]
    assert "always" in shown[0]


def test_what_a_program_reads_is_as_it_is(recurra: Recurra, language_model: Path) -> None:
    prompt = "ROMEO"
    found = recurra("generate", language_model, "--prompt", prompt, "--length", 0)
    assert found.out.startswith(prompt)
    assert "\\u007f" in recurra("predict", language_model, "a\x7f", "--json").out
