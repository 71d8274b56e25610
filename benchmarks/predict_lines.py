"""How many short names a second `recurra predict RUN - < lines` answers, start included, and how soon a slow pipe is.

    python benchmarks/predict_lines.py RUN [--lines 600000] [--repeats 3]

RUN is a classifier of names, as `recurra train surnames` makes it. Names are those of the data set, again and again.
The best of the repeats counts; memory is the most that was resident. A slow pipe gives one name and waits for its
answer.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from recurra.data.datasets.named import get

COMMAND = [sys.executable, "-m", "recurra", "predict"]


def answered(run: str, lines: Path, out: Path) -> tuple[float, float]:
    """Seconds, and megabytes at most."""
    begun = time.perf_counter()
    with lines.open("rb") as source, out.open("wb") as target:
        child = subprocess.Popen([*COMMAND, run, "-"], stdin=source, stdout=target)
        _, status, used = os.wait4(child.pid, 0)
    assert status == 0
    return time.perf_counter() - begun, used.ru_maxrss / 1024


def one_by_one(run: str, names: list[str]) -> list[float]:
    """Seconds from each name to its answer, where the next one is not there yet."""
    child = subprocess.Popen([*COMMAND, run, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    assert child.stdin is not None
    assert child.stdout is not None
    found = []
    for name in names:
        begun = time.perf_counter()
        child.stdin.write(f"{name}\n")
        child.stdin.flush()
        assert child.stdout.readline().startswith(name)
        found.append(time.perf_counter() - begun)
    child.stdin.close()
    assert child.wait() == 0
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("--lines", type=int, default=600_000)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    files = get("surnames").files
    known = sorted({name.strip() for path in files.values() for name in path.read_text("utf-8").splitlines()} - {""})
    names = random.Random(0).choices(known, k=given.lines)
    with tempfile.TemporaryDirectory() as folder:
        lines, out = Path(folder) / "names.txt", Path(folder) / "answers.txt"
        lines.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
        found = [answered(given.run, lines, out) for _ in range(given.repeats)]
        assert out.read_text("utf-8").count("\n") == given.lines
    seconds, most = min(found)[0], max(peak for _, peak in found)
    print(f"{given.lines:,} names in {seconds:.2f} s: {given.lines / seconds:,.0f} a second, {most:.0f} MB at most")
    first, *others = one_by_one(given.run, names[:50])
    print(
        f"a slow pipe: the first answer after {first:.2f} s, then {1000 * sorted(others)[len(others) // 2]:.2f} ms each"
    )


if __name__ == "__main__":
    main()
