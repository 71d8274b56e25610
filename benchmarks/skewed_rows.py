"""Packed rows of very different length: one of 2000 steps and 63 of 5, a training step beside torch.nn's.

    python benchmarks/skewed_rows.py

Prints the median time of a step and the memory that it takes at most.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import torch
from torch.nn.utils.rnn import pack_sequence

import recurra

LENGTHS = {"one of 2000, 63 of 5": [2000, *[5] * 63], "64 of 36": [36] * 64, "1 to 64": list(range(1, 65))}
INPUTS, HIDDEN = 64, 128
MAKERS: dict[str, Callable[..., torch.nn.Module]] = {"recurra": recurra.LSTM, "torch": torch.nn.LSTM}


def measure(name: str, lengths: list[int], repeats: int = 15) -> tuple[float, float]:
    """Milliseconds of a step; MB that this process needed more than before it."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    layer = MAKERS[name](INPUTS, HIDDEN)
    rows = pack_sequence([torch.randn(n, INPUTS) for n in lengths], enforce_sorted=False)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times = []
    for _ in range(repeats):
        layer.zero_grad()
        begun = time.perf_counter()
        y, _ = layer(rows)
        y.data.sum().backward()
        times.append(time.perf_counter() - begun)
    return 1e3 * statistics.median(times), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def main() -> None:
    if len(sys.argv) == 3:
        print(*measure(sys.argv[1], LENGTHS[sys.argv[2]]))
        return
    print(f"LSTM {INPUTS} -> {HIDDEN}, one thread, float32; forward and backward")
    for rows in LENGTHS:
        for name in MAKERS:  # a process each: memory that one has given back is not the other's
            done = subprocess.run([sys.executable, __file__, name, rows], capture_output=True, text=True, check=True)
            milliseconds, megabytes = map(float, done.stdout.split())
            print(f"{rows:24} {name:8} {milliseconds:8.1f} ms {megabytes:8.1f} MB")


if __name__ == "__main__":
    main()
