"""torchrun itself, here and between hosts that are namespaces of the network. Minutes long: `pytest -m slow`."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import recurra

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

TORCHRUN = [sys.executable, "-m", "torch.distributed.run"]
TRAIN = ["-m", "recurra", "train", "words.txt", "--hidden-size", "16", "--batch-size", "8", "--dropout", "0"]
TRAIN += ["--state-reset", "0"]
HOSTS = {"recurra-a": "10.197.31.1", "recurra-b": "10.197.31.2"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    words = random.Random(1).choices("the cat sat on a mat and dog ran to tree by sea".split(), k=1500)
    (tmp_path / "words.txt").write_text(" ".join(words), encoding="utf-8")
    monkeypatch.setenv("RECURRA_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    yield tmp_path
    for run in STARTED:
        if run.poll() is None:
            run.kill()
        run.communicate()
    STARTED.clear()


STARTED: list[subprocess.Popen[str]] = []


def start(folder: Path, *words: str, inside: str = "") -> subprocess.Popen[str]:
    """inside: the namespace of the network to run in"""
    place = ["ip", "netns", "exec", inside] if inside else []
    pipe = subprocess.PIPE
    run = subprocess.Popen(
        [*place, *TORCHRUN, *words], cwd=folder, stdout=pipe, stderr=pipe, text=True, encoding="utf-8"
    )
    STARTED.append(run)
    return run


def wait_for(path: Path) -> None:
    until = time.monotonic() + 120
    while not path.exists():
        assert time.monotonic() < until, f"{path} was never written"
        time.sleep(0.1)


def test_two_processes_are_one_run(folder: Path) -> None:
    done = start(folder, "--nproc-per-node", "2", *TRAIN, "--epochs", "1", "--out", "two")
    out, err = done.communicate(timeout=300)
    assert done.returncode == 0, err
    assert out == "two\n"
    assert err.count("report: two/report.html") == 1
    assert "in each of 2 processes" in err
    settings = {"hidden_size": 16, "batch_size": 8, "dropout": 0.0, "state_reset": 0.0, "epochs": 1.0}
    alone = recurra.train(folder / "words.txt", out=folder / "alone", quiet=True, **settings)  # type: ignore[arg-type]
    ours, theirs = (
        [p["validation_loss"] for p in run.metrics["history"]] for run in (recurra.load(folder / "two"), alone)
    )
    assert ours == pytest.approx(theirs, rel=1e-3)


@pytest.mark.parametrize("rank", [0, 1, 2])
def test_any_process_may_be_killed(folder: Path, rank: int) -> None:
    run = start(folder, "--nproc-per-node", "3", *TRAIN, "--epochs", "100", "--out", "killed")
    wait_for(folder / "killed" / "manifest.json")
    victim = next(pid for pid in processes() if rank_of(pid) == (str(rank), str(folder)))
    os.kill(victim, signal.SIGKILL)
    _, err = run.communicate(timeout=60)
    assert run.returncode == 1
    if rank:
        assert f"recurra: error: process {rank} on " in err
        assert "go on with: recurra train --resume killed" in err
    done = start(folder, "--nproc-per-node", "2", "-m", "recurra", "train", "--resume", "killed", "--epochs", "14")
    _, err = done.communicate(timeout=300)
    assert done.returncode == 0, err
    assert "processes 3, now 2" in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_torchrun_itself_is_asked_to_end(folder: Path, number: signal.Signals) -> None:
    run = start(folder, "--nproc-per-node", "2", *TRAIN, "--epochs", "100", "--out", "asked")
    wait_for(folder / "asked" / "manifest.json")
    run.send_signal(number)
    _, err = run.communicate(timeout=60)
    assert run.returncode != 0
    assert "recurra: stopped by SIG" in err
    assert err.count("go on with: recurra train --resume asked") == 1
    assert recurra.load(folder / "asked").metrics["status"] == "stopped"


def processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def rank_of(pid: int) -> tuple[str, str]:
    """A process's rank and its folder."""
    try:
        pairs = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        found = dict(pair.split(b"=", 1) for pair in pairs if b"=" in pair)
        return found.get(b"RANK", b"").decode(), os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return "", ""


@pytest.fixture
def hosts() -> Iterator[None]:
    """Two namespaces with a cable between them; skipped where they cannot be made."""
    first, second = HOSTS

    def ip(*words: str) -> None:
        made = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
        if made.returncode:
            pytest.skip(f"network namespaces cannot be made here: ip {' '.join(words)}: {made.stderr.strip()}")

    try:
        for name in HOSTS:
            ip("netns", "add", name)
        ip("link", "add", "cable", "netns", first, "type", "veth", "peer", "name", "cable", "netns", second)
        for name, address in HOSTS.items():
            ip("-n", name, "addr", "add", f"{address}/24", "dev", "cable")
            for device in ("lo", "cable"):
                ip("-n", name, "link", "set", device, "up")
        yield
    except FileNotFoundError:
        pytest.skip("network namespaces cannot be made here: there is no `ip`")
    finally:
        for name in HOSTS:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)


def on_both(folder: Path, *words: str) -> list[subprocess.Popen[str]]:
    return [
        start(
            folder,
            *("--nnodes", "2", "--node-rank", str(rank), "--nproc-per-node", "1"),
            *("--master-addr", HOSTS["recurra-a"], "--master-port", "29531"),
            *TRAIN,
            *words,
            inside=name,
        )
        for rank, name in enumerate(HOSTS)
    ]


@pytest.mark.usefixtures("hosts")
def test_two_hosts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "cable")
    runs = on_both(folder, "--epochs", "1", "--out", "hosts")
    told = [run.communicate(timeout=300) for run in runs]
    assert [run.returncode for run in runs] == [0, 0], told
    assert "in each of 2 processes on 2 machines" in told[0][1]
    assert told[1][0] == ""
    assert "report:" not in told[1][1]


@pytest.mark.usefixtures("hosts")
def test_a_cable_that_is_pulled(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "cable")
    runs = on_both(folder, "--epochs", "300", "--out", "pulled")
    wait_for(folder / "pulled" / "manifest.json")
    subprocess.run(["ip", "-n", "recurra-a", "link", "set", "cable", "down"], check=True)
    _, err = runs[0].communicate(timeout=60)
    assert "recurra: error: process 1 on " in err
    assert "go on with: recurra train --resume pulled" in err
    assert runs[0].returncode != 0
    until = time.monotonic() + 60
    while (left := [pid for pid in processes() if rank_of(pid) == ("1", str(folder))]) and time.monotonic() < until:
        time.sleep(0.5)
    assert not left  # torchrun itself waits there for its store much longer
