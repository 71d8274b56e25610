"""How long `recurra train` takes from the shell to its first training step, cold and again, and how much memory.

    python benchmarks/train_start.py [FILE] [--rows 2000000] [--tagged] [-- more of the command line]

FILE, or else a table of so many rows, 36 words each as often as words are, of 20 classes, or so many tagged sentences
of 2 to 9 words with one of 20 tags each. It is read with an empty
cache and then twice more; each run is stopped after its first line of progress. Seconds by the clock, seconds of
processor, and of the process the most memory that was resident, and of that what is mapped from no file.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

FIRST = "%  epoch"
"""Stands in a line of progress."""
WORDS, VOCABULARY, CLASSES = 36, 100_000, 20
BLOCK = 50_000
"""Rows that are written at a time."""


def write_table(path: Path, rows: int) -> None:
    """Words by their rank, as often as one over it; each class has some that the others have not."""
    rng = np.random.default_rng(0)
    words = np.array([f"wor{number:x}" for number in range(VOCABULARY)])
    with path.open("w", encoding="utf-8") as file:
        file.write("text,label\n")
        for start in range(0, rows, BLOCK):
            count = min(BLOCK, rows - start)
            ranks = (VOCABULARY ** rng.random((count, WORDS))).astype(np.int64) - 1
            labels = rng.integers(0, CLASSES, count)
            ranks[:, 0] = 1000 + labels * 10 + ranks[:, 0] % 10
            texts = (" ".join(row) for row in words[ranks].tolist())
            file.writelines(f"{text},c{label}\n" for text, label in zip(texts, labels.tolist(), strict=True))


def write_tagged(path: Path, count: int) -> None:
    """Words as those of a table, a token a line; a tag follows from the word."""
    rng = np.random.default_rng(0)
    with path.open("w", encoding="utf-8") as file:
        for start in range(0, count, BLOCK):
            sizes = rng.integers(2, 10, min(BLOCK, count - start))
            ranks = ((VOCABULARY ** rng.random(sizes.sum())).astype(np.int64) - 1).tolist()
            ends = set(np.cumsum(sizes).tolist())
            lines = (f"wor{rank:x}\tt{rank % CLASSES}\n" for rank in ranks)
            file.writelines(f"{line}\n" if place in ends else line for place, line in enumerate(lines, start=1))


def until_the_first_step(data: Path, more: list[str], folder: Path) -> tuple[float, float, float, float]:
    """Seconds by the clock and of processor, and megabytes at most: resident, and of no file."""
    command = [sys.executable, "-m", "recurra", "train", str(data), "--out", str(folder / "run"), "--overwrite"]
    environment = {"RECURRA_CACHE": str(folder / "cache"), "PYTHONUNBUFFERED": "1"}
    begun = time.perf_counter()
    child = subprocess.Popen(
        [*command, "--baselines", "none", *more],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env=os.environ | environment,
    )
    anonymous, done = [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.1):
            anonymous[0] = max(anonymous[0], status(child.pid, "RssAnon"))

    threading.Thread(target=watch, daemon=True).start()
    assert child.stderr is not None
    seconds, worked, said = 0.0, 0.0, ""
    for line in child.stderr:
        said = line
        if FIRST in line:
            seconds, worked = time.perf_counter() - begun, processor(child.pid)
            break
    most = status(child.pid, "VmHWM")
    done.set()
    child.send_signal(signal.SIGINT)
    child.stderr.read()
    child.wait()
    assert seconds, f"nothing was trained on: {said}"
    return seconds, worked, most, anonymous[0]


def processor(process: int) -> float:
    """Seconds of it that a process has had."""
    fields = Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def status(process: int, name: str) -> float:
    """Megabytes."""
    try:
        lines = Path(f"/proc/{process}/status").read_text("ascii").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:")), 0.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--tagged", action="store_true", help="sentences in the place of a table's rows")
    parser.add_argument("more", nargs="*", help="of the command line, after --")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, data = Path(name), given.file
        if data is None:
            data = folder / ("sentences.bio" if given.tagged else "table.csv")
            (write_tagged if given.tagged else write_table)(data, given.rows)
        size = data.stat().st_size / 1e6
        for which in ("first", "second", "third"):
            seconds, worked, most, anonymous = until_the_first_step(data, given.more, folder)
            print(
                f"{data.name}, {size:.0f} MB, {which} start: {seconds:.1f} s to the first step, "
                f"{worked:.1f} s of processor, {most:.0f} MB resident at most, {anonymous:.0f} MB of it of no file",
                flush=True,
            )


if __name__ == "__main__":
    main()
