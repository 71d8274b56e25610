"""`recurra bench` from its arguments to its exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from recurra.bench import keras_peer, timing, torch_peers
from recurra.bench import run as runs
from recurra.bench.machine import Rates
from recurra.cli import main

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def bench(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """`bench("--kind", "cells")` with a small layer and one thread: exit code, stdout, stderr."""
    monkeypatch.setattr(keras_peer, "why_not", lambda: "Keras: not installed")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(timing, "SAMPLE_SECONDS", 0.0)
    monkeypatch.setattr(runs, "Rates", lambda repeats, _side: Rates(repeats, 32))

    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["bench", "--threads", "1", "--shapes", "3x2x3x4", *arguments])
        return (code, *capsys.readouterr())

    return call


def test_the_tables(bench: Call) -> None:
    code, out, err = bench("--cells", "gru")
    assert code == 0
    assert "Training: forward and backward" in out
    assert "Inference\n" in out
    head = next(line for line in out.splitlines() if line.startswith("cell"))
    assert head.split("  ")[0] == "cell"
    assert head.endswith("ratio")
    assert [line.split()[:3] for line in out.splitlines() if " torch.nn" in line] == [["gru", "3x2x3x4", "float32"]] * 2
    assert "matrix rate of this run" in out
    assert "1 threads" in out
    assert err == "training: gru 3x2x3x4, float32\ninference: gru 3x2x3x4, float32\n"


def test_every_kind_has_its_table(bench: Call) -> None:
    code, out, err = bench("--kind", "all", "--quiet", "--cells", "lstm,gru-cho")
    assert (code, err) == (0, "")
    for title in (
        "rows of unequal length",
        "cells that torch has not",
        "every cell of the catalogue",
        "against float64",
        "Where our step's time goes",
    ):
        assert title in out
    assert "per FLOP / lstm's" in out


def test_step_is_a_kind(bench: Call) -> None:
    _, out, _ = bench("--step", "--cells", "rnn", "-q")
    assert out.startswith("Whole training step")
    assert all(part in out for part in ("batcher", "layers backward", "optimizer", "clipping"))


def test_json_on_stdout_is_one_document(bench: Call) -> None:
    code, out, _ = bench("--kind", "training,ragged", "--cells", "lstm", "--json", "-")
    document = json.loads(out)
    assert code == 0
    assert set(document) == {
        "format",
        "command",
        "date",
        "machine",
        "request",
        "matrix_rate_gflops",
        "bandwidth_gb_per_s",
        "elementwise_g_per_s",
        "rows",
        "skipped",
    }
    assert document["command"].startswith("recurra bench --threads 1 ")
    assert document["request"] == {"engine": "auto", "threads": 1, "repeats": 7}
    assert {"cpu", "cores", "flags", "system", "threads", "versions", "native"} == set(document["machine"])
    assert {"python", "recurra", "torch"} <= set(document["machine"]["versions"])
    first = document["rows"][0]
    assert {
        "kind": "training",
        "cell": "lstm",
        "shape": "3x2x3x4",
        "time": 3,
        "batch": 2,
        "input_size": 3,
        "hidden_size": 4,
        "precision": "float32",
        "peer": "torch.nn",
        "status": "measured",
    }.items() <= first.items()
    assert first["ratio"] > 0
    assert {row["kind"] for row in document["rows"]} == {"training", "ragged"}


def test_json_in_a_file_beside_the_tables(bench: Call) -> None:
    code, out, _ = bench("--kind", "accuracy", "--cells", "rnn", "--json", "figures.json")
    assert code == 0
    assert "against float64" in out
    assert json.loads(Path("figures.json").read_text())["rows"][0]["error"] > 0
    code, _, err = bench("--kind", "accuracy", "--cells", "rnn", "--json", "no/such/folder.json")
    assert code == 1
    assert "no/such/folder.json" in err


def test_differing_results_are_an_error_after_the_tables(bench: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    original = torch_peers.module

    def other(*given: object) -> object:
        found = original(*given)
        found.bias_hh_l0.data += 1
        return found

    monkeypatch.setattr(torch_peers, "module", other)
    code, out, err = bench("--cells", "rnn", "-q")
    assert code == 1
    assert "the results differ: " in out
    assert err == "recurra: error: 2 results differ from the peer's; no ratio is given for them\n"


@pytest.mark.parametrize(
    ("line", "piece"),
    [
        ("--shapes 5x2x3", "'5x2x3' is not a shape; give TxBxIxH"),
        ("--shapes 5x2x3x4,0x1x1x1", "'0x1x1x1'"),
        ("--shapes lstm", "'lstm'"),
        ("--kind trainings", "did you mean 'training'?"),
        ("--kind ,", "nothing to measure"),
        ("--cells lsmt", "did you mean 'lstm'?"),
        ("--kind ragged --cells rnn", "nothing to measure: ragged is not done with rnn"),
        ("--precision bfloat", "did you mean 'bfloat16'?"),
        ("--engine vender", "did you mean 'vendor'?"),
        ("--threads 0", "--threads"),
        ("--repeats 3", "--repeats"),
    ],
)
def test_wrong_usage(bench: Call, line: str, piece: str) -> None:
    code, out, err = bench(*line.split())
    assert (code, out) == (2, "")
    assert piece in err
    assert "Traceback" not in err
    assert len(err.splitlines()) <= 2


def test_help_imports_no_torch() -> None:
    line = "import sys, recurra.cli as c; assert c.main(['bench', '--help']) == 0; assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Usage: recurra bench" in done.stdout
