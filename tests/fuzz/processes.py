"""Runs started together, and runs that are stopped at any moment: nothing is lost, nothing is a traceback."""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TINY = ["--hidden-size", "4", "--embedding-size", "4", "--threads", "1"]
TOGETHER = 3
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "RECURRA_CACHE"}


def start(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """A command line of its own, in a session of its own."""
    line = [sys.executable, "-m", "recurra", *arguments]
    return subprocess.Popen(
        line,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        env=ENVIRONMENT | {"RECURRA_CACHE": str(folder / "cache")},
        start_new_session=True,
    )


def ended(process: subprocess.Popen[bytes]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=600)
    return process.returncode, out.decode(errors="replace"), err.decode(errors="replace")


def status(folder: Path) -> str:
    return str(json.loads((folder / "metrics.json").read_text())["status"])


def write_data(folder: Path) -> None:
    draw = random.Random(0)
    rows = [f"{''.join(draw.choices('abcdef' if i % 2 else 'defghi', k=8))},{'xy'[i % 2]}" for i in range(120)]
    (folder / "d.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    (folder / "play.txt").write_text("".join(f"ROMEO: line {i} of the play.\n" for i in range(400)))


def together(folder: Path, how: str) -> list[str]:
    """What went wrong with three runs started at once; one folder has one writer, and the others are told so."""
    data, more = {
        "no path": ("d.csv", []),
        "one path": ("d.csv", ["--out", "same"]),
        "one path, overwriting": ("d.csv", ["--out", "same", "--overwrite"]),
        "one corpus": ("play.txt", []),
    }[how]
    processes = [
        start(folder, "train", data, "--seed", str(i), "--epochs", "1", "-q", *TINY, *more) for i in range(TOGETHER)
    ]
    found = [ended(process) for process in processes]
    done = [out.strip() for code, out, _ in found if code == 0]
    refused = [err for code, _, err in found if code == 2 and ("being written by" in err or "already exists" in err)]
    wrong = [f"{how}: exit {code}: {err}" for code, _, err in found if code not in (0, 2) or "Traceback" in err]
    if len(done) + len(refused) != TOGETHER or len(set(done)) != len(done):
        wrong.append(f"{how}: {len(done)} finished in {done}, {len(refused)} were refused")
    if len(done) != (TOGETHER if how in ("no path", "one corpus") else 1) and "overwriting" not in how:
        wrong.append(f"{how}: {len(done)} finished")
    wrong += [f"{how}: {one} is {status(folder / one)}" for one in done if status(folder / one) != "finished"]
    return wrong + [f"{how}: left {one}" for one in folder.rglob(".*") if one.name != ".cache"]


def stopped(folder: Path, draw: random.Random) -> list[str]:
    """What went wrong with a training that was asked to stop, once or twice, at a drawn moment."""
    number = draw.choice([signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    moment, twice = draw.uniform(0.1, 12.0), draw.random() < 0.3
    told = f"{number.name}{' twice' if twice else ''} after {moment:.2f} s"
    data = draw.choice(["d.csv", "play.txt"])
    process = start(folder, "train", data, "--out", "run", "--overwrite", "--epochs", "3", *TINY)
    time.sleep(moment)
    process.send_signal(number)
    if twice:
        time.sleep(0.05)
        process.send_signal(number)
    code, _, err = ended(process)
    wrong = []
    if code not in (0, 128 + number) or "Traceback" in err or "Exception ignored" in err:
        wrong.append(f"{told}: exit {code}: {err[-2000:]}")
    state = status(folder / "run") if (folder / "run").exists() else "none"
    if code == 0 and state != "finished":
        wrong.append(f"{told}: exit 0, but the run is {state}")
    if state in ("running", "stopped"):
        code, _, err = ended(start(folder, "train", "--resume", "run", "-q"))
        if code or status(folder / "run") != "finished":
            wrong.append(f"{told}: {state}, not resumed: {err}")
    print(f"  {told}: {state}", flush=True)
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    draw = random.Random(asked.seed)
    wrong: list[str] = []
    finished = 0
    for number in range(asked.cases):
        for how in ("no path", "one path", "one path, overwriting", "one corpus", "stopped"):
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                write_data(folder)
                found = stopped(folder, draw) if how == "stopped" else together(folder, how)
                finished += TOGETHER if how == "no path" and not found else 0
                wrong += found
                shutil.rmtree(folder / "cache", ignore_errors=True)
        print(f"{number + 1} rounds, {len(wrong)} wrong", *wrong[-3:], sep="\n", flush=True)
    print(f"{finished} of {TOGETHER * asked.cases} runs started together without a path finished")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
