"""Where the time of a small layer's training step goes, and what it cannot be faster than on this machine.

    python benchmarks/small_layers.py [--threads 2] [--blocks 30] [--cells lstm] [--shapes 50x16x64x64,100x1x128x128]

Blocks of ten calls of each side take turns; of all calls the fastest and the median. core: within the two calls of the
native engine; around: the rest, Python, autograd and memory. bound: products outside of time at the matrix rate,
elementwise operations at our functions' rate, and products in time at the matrix rate or as fast as the cores read
their weights, whichever takes longer; one after the other, for a core that waits for weights multiplies nothing else.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from recurra.bench import recurra_side, torch_peers
from recurra.bench.cases import Case, shape
from recurra.bench.machine import Rates
from recurra.bench.timing import no_collection
from recurra.engines.native import library

CALLS = 10
"""Of a side's block; one more goes before, which finds the caches full of the other side's data."""


class Watched:
    """A function of the core whose calls are timed."""

    def __init__(self, run: Callable[..., int]) -> None:
        self.run = run
        self.seconds: list[float] = []

    def __call__(self, *given: object) -> int:
        begun = time.perf_counter()
        found = self.run(*given)
        self.seconds.append(time.perf_counter() - begun)
        return found


def timed(call: Callable[[], object], found: list[float]) -> None:
    call()
    for _ in range(CALLS):
        begun = time.perf_counter()
        call()
        found.append(time.perf_counter() - begun)


def bound(case: Case, rates: Rates) -> dict[str, float]:
    """Seconds of each part."""
    given = recurra_side.batch(case)
    work, everything = recurra_side.work_of(case, given, training=True), recurra_side.all_work_of(case, given)
    matrix = rates.matrix_rate(case.precision)
    in_time = 2 * 2 * given.rows * work.weights / 4  # forward, and backward to the step before
    return {
        "products outside of time": (everything.products - in_time) / matrix,
        "products in time": max(in_time / matrix, work.streamed / rates.bandwidth_at(work.weights)),
        "elementwise": everything.elementwise / rates.vector_rate(),
    }


def micro(seconds: float) -> str:
    return f"{1e6 * seconds:6.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--blocks", type=int, default=30)
    parser.add_argument("--cells", default="lstm")
    parser.add_argument("--shapes", default="50x16x64x64,100x1x128x128")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    c, rates = library.load().c, Rates()
    forward, backward = Watched(c.recurra_forward), Watched(c.recurra_backward)
    vars(c).update(recurra_forward=forward, recurra_backward=backward)
    for text in given.shapes.split(","):
        for cell in given.cells.split(","):
            case = Case("training", cell, shape(text))
            layers, data = recurra_side.stack(case, "native"), recurra_side.batch(case)
            own = recurra_side.training(layers, data, case.precision).call
            peer = torch_peers.training(case, layers, data)[0].call
            ours: list[float] = []
            theirs: list[float] = []
            timed(own, [])
            forward.seconds.clear()
            backward.seconds.clear()
            with no_collection():
                for _ in range(given.blocks):
                    timed(own, ours)
                    timed(peer, theirs)
            print(f"{cell} {text}, {given.threads} threads, microseconds: fastest, median")
            rows = {
                "whole step": ours,
                "core forward": forward.seconds,
                "core backward": backward.seconds,
                "torch": theirs,
            }
            for name, samples in rows.items():
                print(f"  {name:26}{micro(min(samples))}{micro(statistics.median(samples))}")
            around = min(ours) - min(forward.seconds) - min(backward.seconds)
            print(f"  {'around the core':26}{micro(around)}")
            parts = bound(case, rates)
            for name, seconds in parts.items():
                print(f"  {name:26}{micro(seconds)}")
            least = sum(parts.values())
            print(f"  {'bound':26}{micro(least)}   ratio to torch at most {statistics.median(theirs) / least:.2f}")
            reached = statistics.median(theirs) / statistics.median(ours)
            print(f"  ratio to torch {reached:.2f}", flush=True)


if __name__ == "__main__":
    main()
