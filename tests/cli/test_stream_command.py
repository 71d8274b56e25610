"""`recurra predict RUN --stream`: sound and rows, from files and standard input, and every refusal."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from command_line import Recurra

from recurra.api.run import load
from recurra.cli import main
from tests.data.sound import sines

SMALL = ("--hidden-size", "4", "--epochs", "1", "--quiet")


@pytest.fixture(scope="module")
def listener(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("soundfile")
    folder = tmp_path_factory.mktemp("listener")
    assert (
        main(["train", str(sines.events(folder / "d", 10)), "--out", str(folder / "run"), "--mels", "8", *SMALL]) == 0
    )
    return folder / "run"


@pytest.fixture(scope="module")
def sensor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sensor")
    rows = [f"s{n},{step},{(n % 2) * step + n / 100},{n % 2}" for n in range(20) for step in range(4)]
    (folder / "moves.csv").write_text("\n".join(["id,t,x,label", *rows]) + "\n")
    assert main(["train", str(folder / "moves.csv"), "--out", str(folder / "run"), "--no-bidirectional", *SMALL]) == 0
    return folder / "run"


def standard_input(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_a_file_and_its_samples_on_standard_input(
    recurra: Recurra, listener: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = (sines.sine(300, 0.5) * 32768).astype(np.int16)
    path = sines.write(tmp_path / "a.wav", samples)
    file = recurra("predict", listener, "--stream", path)
    assert file.code == 0
    lines = [line.split("\t") for line in file.out.splitlines()]
    assert [line[0] for line in lines[:3]] == ["0.0125", "0.0225", "0.0325"]
    assert [line[1] for line in lines] == load(listener).predict(path)[0].labels
    assert "labels of 0.50 s of sound" in file.err
    assert "real-time factor" in file.err
    assert "latency: 125 ms of sound" in file.err
    standard_input(monkeypatch, samples.tobytes())
    assert recurra("predict", listener, "--stream", "-").out == file.out
    two = np.repeat(samples.astype(np.float32) / 32768, 2)
    standard_input(monkeypatch, two.tobytes())
    given = ("--sample-format", "f32", "--input-channels", "2", "--rate", "8000", "--json")
    found = [json.loads(line) for line in recurra("predict", listener, "--stream", "-", *given).out.splitlines()]
    assert [one["label"] for one in found] == [line[1] for line in lines]
    assert found[1]["seconds"] == 0.0225


def test_rows_of_a_table(recurra: Recurra, sensor: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = b"\xef\xbb\xbft,x\n0,0.5\n1,\n2,2.5\n"
    (tmp_path / "new.csv").write_bytes(rows)
    standard_input(monkeypatch, rows)
    file, piped = (
        recurra("predict", sensor, "--stream", tmp_path / "new.csv"),
        recurra("predict", sensor, "--stream", "-"),
    )
    assert file.out == piped.out
    assert [line.split("\t")[0] for line in file.out.splitlines()] == ["1", "2", "3"]
    assert "3 frames in" in file.err
    for content, said in ((b"t,y\n", "no column 'x'"), (b"t,x\n1,a\n", "'a'"), (b"t,x\n1\n", "1 cells")):
        standard_input(monkeypatch, content)
        assert said in recurra("predict", sensor, "--stream", "-").err


def test_refusals(recurra: Recurra, listener: Path, sensor: Path, tmp_path: Path) -> None:
    recurra("predict", listener, "--stream", "a.wav", "b").refused(2, "leave the other inputs out")
    recurra("predict", listener, "a.wav", "--rate", "8000").refused(2, "go with --stream")
    recurra("predict", listener, "--stream", tmp_path / "none.wav").refused(3, "no such file")
    recurra("predict", listener, "--stream", "a.wav", "--rate", "8000").refused(2, "--rate says what")
    recurra("predict", sensor, "--stream", "-", "--rate", "8000").refused(2, "--rate is of sound")
    recurra("predict", listener, "--stream", "-", "--sample-format", "s12").refused(2, "unknown sample format")
