"""Processes that are stopped, killed, or that nobody listens to."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from command_line import Recurra

import recurra as package

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")


@contextmanager
def training(text: Path, out: Path) -> Iterator[subprocess.Popen[str]]:
    """A long training that has been through its first evaluation."""
    line = ["train", str(text), "--out", str(out), "--epochs", "2000", "--hidden-size", "4", "--embedding-size", "4"]
    process = subprocess.Popen(
        [sys.executable, "-m", "recurra", *line], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        deadline = time.monotonic() + 200
        while not out.is_dir() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        assert out.is_dir(), process.communicate(timeout=5) if process.poll() is not None else "no evaluation"
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGHUP, marks=pytest.mark.slow)])
def test_a_stopped_training_is_loadable_and_goes_on(
    recurra: Recurra, text: Path, tmp_path: Path, number: signal.Signals
) -> None:
    with training(text, tmp_path / "model") as process:
        process.send_signal(number)
        out, err = process.communicate(timeout=100)
    assert process.returncode == 128 + number
    assert out == ""
    assert err.splitlines()[-2:] == [
        f"recurra: stopped by {number.name}; {tmp_path / 'model'} holds the best weights so far",
        f"go on with: recurra train --resume {tmp_path / 'model'}",
    ]
    assert "Traceback" not in err
    assert package.load(tmp_path / "model").metrics["status"] == "stopped"
    resumed = recurra("train", "--resume", tmp_path / "model", "--epochs", 1)
    assert resumed.code == 0, resumed.err
    assert package.load(tmp_path / "model").metrics["status"] == "finished"
    assert recurra("generate", tmp_path / "model", "--length", 5).code == 0


@pytest.mark.slow
def test_a_killed_training_is_loadable(recurra: Recurra, text: Path, tmp_path: Path) -> None:
    with training(text, tmp_path / "model") as process:
        process.kill()
        process.wait()
    assert package.load(tmp_path / "model").metrics["status"] == "running"
    assert recurra("train", "--resume", tmp_path / "model", "--epochs", 1).code == 0


def test_terminated_outside_of_training(recurra: Recurra, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recurra.api.training.train", lambda *_, **__: signal.raise_signal(signal.SIGTERM))
    before = signal.getsignal(signal.SIGTERM)
    result = recurra("train", "x")
    assert (result.code, result.out, result.err) == (143, "", "training on x\nrecurra: terminated\n")
    assert signal.getsignal(signal.SIGTERM) is before


EARLY = """
import signal, sys
when, number = sys.argv[1], int(sys.argv[2])
class Finder:
    def find_spec(self, name, *_):
        if name == when:
            signal.raise_signal(number)
sys.meta_path.insert(0, Finder())
from recurra.cli import main
sys.argv[1:] = ["explain"]
sys.exit(main())
"""
LATE = """
import signal, sys, types
def train(*_, **__):
    class Finalized:
        def __del__(self):
            signal.raise_signal(int(sys.argv[2]))
    try:
        if sys.argv[1] == "twice":
            signal.raise_signal(int(sys.argv[2]))
        else:
            Finalized()
    finally:
        if sys.argv[1] == "twice":
            signal.raise_signal(int(sys.argv[2]))
sys.modules["recurra.api.training"] = types.ModuleType("recurra.api.training")
sys.modules["recurra.api.training"].train = train
from recurra.cli.signals import Listening
from recurra.cli.entry import run
with Listening(ending=True) as listening:
    sys.exit(run(["train", "x"], listening))
"""
SAID = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}


@pytest.mark.parametrize("number", SAID)
@pytest.mark.parametrize(
    ("script", "when"), [(EARLY, "typer"), (EARLY, "recurra.cli.application"), (LATE, "twice"), (LATE, "finalizer")]
)
def test_no_moment_is_a_traceback(number: signal.Signals, script: str, when: str) -> None:
    """While the command line itself is loaded, again while the first signal is obeyed, where exceptions are lost."""
    done = subprocess.run(
        [sys.executable, "-c", script, when, str(int(number))], capture_output=True, text=True, timeout=100, check=False
    )
    begun = "training on x\n" if script == LATE else ""
    said = f"{begun}recurra: {SAID[number]}\n"
    assert (done.returncode, done.stdout, done.stderr) == (128 + number, "", said)


def test_a_reader_that_leaves_is_no_error() -> None:
    """As in `recurra ... | head`."""
    command = [sys.executable, "-m", "recurra", "explain"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.wait(timeout=100) == 141
        assert process.stderr.read() == ""
