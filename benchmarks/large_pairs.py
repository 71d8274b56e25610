"""When the first batch of a large parallel corpus is there, how much memory it takes, and how long a second start is.

    python benchmarks/large_pairs.py [--pairs 1000000] [--from FILE]

Pairs of multi30k, or of FILE in two columns with a tab between, again and again, each copy with a word and a number of
its own on both sides. `recurra train` reads them with an empty cache, then once more; each is stopped after its first
line of progress. Seconds by the clock, and of the process the most memory that was resident, and of that what is mapped
from no file.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from recurra.data.datasets.named import get
from recurra.data.files.text import read_text

FIRST = "%  epoch"
"""Stands in a line of progress."""


def write_pairs(path: Path, rows: list[list[str]], count: int) -> None:
    """Distinct pairs: a copy of a pair has a word more on both sides, which says which copy it is."""
    draw = random.Random(0)
    with path.open("w", encoding="utf-8") as file:
        file.write("en\tde\n")
        for number in range(count):
            left, right = (" ".join(side.split()) for side in rows[number % len(rows)])  # a few hold tabs
            copy = number // len(rows)
            if copy:
                word = draw.choice(rows)[0].split()[0]
                left, right = f"{word} {copy} {left}", f"{word} {copy} {right}"
            file.write(f"{left}\t{right}\n")


def until_the_first_batch(pairs: Path, out: Path, cache: Path) -> tuple[float, float, float]:
    """Seconds, and megabytes at most: resident, and of no file."""
    command = [sys.executable, "-m", "recurra", "train", str(pairs), "--task", "translate", "--out", str(out)]
    options = ["--text", "en", "--label", "de", "--baselines", "none", "--overwrite"]
    begun = time.perf_counter()
    child = subprocess.Popen(
        [*command, *options],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"RECURRA_CACHE": str(cache)},
    )
    anonymous, done = [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.2):
            anonymous[0] = max(anonymous[0], _status(child.pid, "RssAnon"))

    threading.Thread(target=watch, daemon=True).start()
    assert child.stderr is not None
    seconds, said = 0.0, ""
    for line in child.stderr:
        said = line
        if FIRST in line:
            seconds = time.perf_counter() - begun
            break
    most = _status(child.pid, "VmHWM")
    done.set()
    child.send_signal(signal.SIGINT)
    child.stderr.read()
    child.wait()
    assert seconds, f"no batch was trained on: {said}"
    return seconds, most, anonymous[0]


def _status(process: int, name: str) -> float:
    """Megabytes."""
    try:
        lines = Path(f"/proc/{process}/status").read_text("ascii").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:")), 0.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument("--from", dest="file", type=Path)
    given = parser.parse_args()
    if given.file is not None:
        rows = [line.split("\t")[:2] for line in read_text(given.file).split("\n") if line.count("\t")]
    else:
        sides = [read_text(get("multi30k").files[f"train.{language}"]).split("\n") for language in ("en", "de")]
        rows = [[left, right] for left, right in zip(*sides, strict=True) if left.strip() and right.strip()]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_pairs(folder / "pairs.tsv", rows, given.pairs)
        size = (folder / "pairs.tsv").stat().st_size / 1e6
        for which in ("first", "second"):
            found = until_the_first_batch(folder / "pairs.tsv", folder / "run", folder / "cache")
            print(
                f"{given.pairs:,} pairs, {size:.0f} MB, {which} start: {found[0]:.1f} s to the first batch, "
                f"{found[1]:.0f} MB resident at most, {found[2]:.0f} MB of it of no file"
            )


if __name__ == "__main__":
    main()
