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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
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
    assert (result.code, result.out, result.err) == (143, "", "recurra: terminated\n")
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_reader_that_leaves_is_no_error() -> None:
    """As in `recurra ... | head`."""
    process = subprocess.Popen(
        [sys.executable, "-m", "recurra", "explain"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.wait(timeout=100) == 141
    assert process.stderr.read() == ""
    process.stderr.close()
