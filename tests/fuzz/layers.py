"""Layers against torch.nn's: drawn configurations, used in the ways people use them.

python -m tests.fuzz.layers --cases 2000 --seed 0          all of them, in processes that may crash
python -m tests.fuzz.layers --seed 0 --only 17             one, here
"""

from __future__ import annotations

import argparse
import queue
import subprocess
import sys
import threading
from typing import IO, Any

import torch

from recurra.errors import UsageError
from tests.fuzz.layer_cases import Case, draw, layers
from tests.fuzz.layer_uses import USES, Answer, answer

PARTS = {name: parts for name, (parts, _) in USES.items()}
CHUNK = 100
SILENCE = 300
"""Seconds after which a case counts as hung."""

LIMITS = {torch.float32: 3e-5, torch.float64: 1e-9, torch.bfloat16: 2e-2}
"""Of the largest number of a part, or of 1."""

AUTOCAST = 0.15
"""Of the norm of a part, or of 1; products of other operands are off by as much as the norm."""


def compare(case: Case) -> str | None:
    """None if both layers do the same, otherwise what differs."""
    ours, theirs = layers(case)
    found, expected = answer(case.use, ours, case), answer(case.use, theirs, case)
    return differs(case, found, expected)


def differs(case: Case, found: Answer | Exception, expected: Answer | Exception) -> str | None:
    if isinstance(expected, Exception):
        if isinstance(found, Exception):
            clear = isinstance(found, UsageError) or type(found) is type(expected)
            return None if clear else f"ours ends with {told(found)}; torch's with {told(expected)}"
        return f"torch's ends with {told(expected)}, ours does not"
    if isinstance(found, Exception):
        return f"ours ends with {told(found)}, torch's does not"
    if found.keys() != expected.keys():
        return f"ours alone: {found.keys() - expected.keys()}, torch's alone: {expected.keys() - found.keys()}"
    wrong = [f"{name}: {why}" for name in found if (why := unlike(case, found[name], expected[name]))]
    return "; ".join(wrong[:4]) or None


def unlike(case: Case, found: Any, expected: Any) -> str | None:
    if not (isinstance(found, torch.Tensor) and isinstance(expected, torch.Tensor)):
        return None if type(found) is type(expected) and found == expected else f"{found!s:.90} for {expected!s:.90}"
    if found.shape != expected.shape:
        return f"{list(found.shape)} for {list(expected.shape)}"
    if found.dtype != expected.dtype and case.use != "under_autocast":
        return f"{found.dtype} for {expected.dtype}"
    if not found.numel():
        return None
    rounded = case.use == "under_autocast" and case.dtype == "float32"
    limit = AUTOCAST if rounded else LIMITS.get(expected.dtype, 0.0)
    found, expected = found.detach().double(), expected.detach().double()
    if rounded:  # the slope of a relu jumps, so that a few gradients may be another number altogether
        off, largest = float((found - expected).norm()), float(expected.norm())
    else:
        off, largest = float((found - expected).abs().max()), float(expected.abs().max())
    return None if off <= limit * max(1.0, largest) else f"off by {off:.3g}, largest {largest:.3g}"


def told(error: Exception) -> str:
    return f"{type(error).__name__}({str(error)[:120]!r})"


def work(seed: int, first: int, last: int) -> None:
    """A chunk, in a process of its own: a line before each case and one for what differs."""
    for number in range(first, last):
        print(f"case {number}", flush=True)
        case = draw(seed, number, PARTS)
        if (why := compare(case)) is not None:
            print(f"differs {number} [{case}]: {why}".replace("\n", " "), flush=True)
    print("done", flush=True)


def hand_on(out: IO[str], lines: queue.Queue[str | None]) -> None:
    for line in out:
        lines.put(line)
    lines.put(None)


def watch(seed: int, first: int, last: int) -> list[str]:
    """Run a chunk and go on behind every case that ends its process or hangs; what was wrong."""
    found: list[str] = []
    while first < last:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.fuzz.layers", "--seed", str(seed), "--chunk", str(first), str(last)],
            stdout=subprocess.PIPE,
            text=True,
        )
        lines: queue.Queue[str | None] = queue.Queue()
        assert process.stdout is not None
        reader = threading.Thread(target=hand_on, args=(process.stdout, lines), daemon=True)
        reader.start()
        now, done = first, False
        try:
            while (line := lines.get(timeout=SILENCE)) is not None:
                if line.startswith("case "):
                    now = int(line.split()[1])
                elif line.startswith("differs "):
                    found.append(line.strip())
                    print(line.strip(), flush=True)
                done = done or line.startswith("done")
            code = process.wait()
        except queue.Empty:
            process.kill()
            process.wait()
            code = None
        reader.join()
        process.stdout.close()
        if done and code == 0:
            break
        how = "hangs" if code is None else f"ends the process with {code}"
        found.append(f"case {now} {how} [{draw(seed, now, PARTS)}]")
        print(found[-1], flush=True)
        first = now + 1
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="this case, in this process")
    parser.add_argument("--chunk", type=int, nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.chunk:
        work(asked.seed, *asked.chunk)
        return 0
    if asked.only is not None:
        case = draw(asked.seed, asked.only, PARTS)
        why = compare(case)
        print(f"case {asked.only} [{case}]: {why or 'the same'}")
        return int(why is not None)
    wrong = []
    for first in range(0, asked.cases, CHUNK):
        wrong += watch(asked.seed, first, min(first + CHUNK, asked.cases))
    print(f"{asked.cases} cases, seed {asked.seed}: {len(wrong)} wrong")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
