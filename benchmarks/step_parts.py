"""Where the time of a task's training step goes: each part without the parts inside it, on the fastest of many steps.

python benchmarks/step_parts.py classify tag                  # tasks of `recurra bench --step`
python benchmarks/step_parts.py tag --precision bfloat16 --threads 2 --steps 200

The clocks themselves take a few microseconds a part. The floor is the one of `recurra bench`: the step's products and
elementwise operations at this machine's rates, measured in the same run. "core" is what compiled code takes, its floor
in it; "around the core" the Python of recurrent layers, forward and backward.
"""

from __future__ import annotations

import argparse
import functools
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import torch

from recurra.bench.cases import PRECISIONS, Case, plan
from recurra.bench.counted import counted
from recurra.bench.machine import Rates
from recurra.bench.task_step import Repeated, prepared
from recurra.bench.watched import WatchedTask, train
from recurra.engines.native import layer, library, tag_paths
from recurra.layers import stack
from recurra.layers.dropout import Dropout
from recurra.topologies import paths
from recurra.training import average, fit, muon, optimizer

FASTEST = 0.1
"""The share of the steps that is looked at."""
CORE = [f"recurra_{way}{both}" for way in ("forward", "backward") for both in ("", "_both")]
PARTS: dict[str, list[tuple[Any, str]]] = {
    "around the core": [(stack, "unroll"), (stack, "unroll_both"), (layer._Layer, "backward")],
    "conditional random field": [
        (paths.Transitions, "log_probability"),
        (paths._Total, "backward"),
        (tag_paths._LogProbability, "backward"),
    ],
    "dropout": [(Dropout, "forward")],
    "rest of forward": [(WatchedTask, "loss")],
    "rest of autograd": [(torch.Tensor, "backward")],
    "clipping": [(fit, "clip_gradient")],
    "AdamW": [(optimizer.AdamW, "step")],
    "Muon": [(muon.Muon, "step")],
    "average": [(average.Average, "add")],
}
REST = "loop and batcher"


class Clock:
    """Adds up each part's time without that of the parts called inside it, step by step."""

    def __init__(self) -> None:
        self.steps: list[dict[str, float]] = []
        self._open: list[str] = []
        self._since = 0.0

    def begin(self) -> None:
        self.steps.append({})
        self._open, self._since = [REST], time.perf_counter()

    def end(self) -> None:
        self._note()
        self._open = []

    def around(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def timed(*args: Any, **given: Any) -> Any:
            if not self._open:
                return function(*args, **given)
            self._note()
            self._open.append(part)
            try:
                return function(*args, **given)
            finally:
                self._note()
                self._open.pop()

        return timed

    def _note(self) -> None:
        now = time.perf_counter()
        if self._open:
            step, part = self.steps[-1], self._open[-1]
            step[part] = step.get(part, 0.0) + now - self._since
        self._since = time.perf_counter()


class Watched(WatchedTask):
    """Steps on this clock."""

    def __init__(self, task: Any, clock: Clock) -> None:
        super().__init__(task, lambda _: None)
        self.clock = clock

    def _mark(self, moment: str) -> None:
        pass

    def batches(self, epoch: int) -> Iterator[Any]:
        source = self.task.batches(epoch)
        for _ in range(self.steps(epoch)):
            self.clock.begin()
            yield next(source)
            self.clock.end()


@contextmanager
def clocked(clock: Clock) -> Iterator[None]:
    """The parts, wherever they are called from."""
    with ExitStack() as patches:
        for part, places in PARTS.items():
            for owner, name in places:
                found = clock.around(part, getattr(owner, name))
                static = isinstance(owner, type) and isinstance(owner.__dict__[name], staticmethod)
                patches.enter_context(mock.patch.object(owner, name, staticmethod(found) if static else found))
        if library.why_missing() is None:
            c = library.load().c
            for name in CORE:
                patches.enter_context(mock.patch.object(c, name, clock.around("core", getattr(c, name))))
        yield


def measure(case: Case, steps: int, rates: Rates) -> tuple[dict[str, float], float]:
    """Milliseconds of each part, means over the fastest steps; and of the floor."""
    task, settings = prepared(case, "auto")
    repeated, clock = Repeated(task, steps), Clock()
    with clocked(clock):
        train(Watched(repeated, clock), settings)
    forward = counted(repeated.network, lambda: repeated.loss(repeated.network, repeated.batch, None), case.precision)
    ranked = sorted(clock.steps[steps // 10 :], key=lambda step: sum(step.values()))
    fastest = ranked[: max(1, int(FASTEST * len(ranked)))]
    names = ["core", *PARTS, REST]
    found = {name: 1e3 * sum(step.get(name, 0.0) for step in fastest) / len(fastest) for name in names}
    return found, 1e3 * rates.roofline(forward.work, case.precision)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cases = [case for case in plan(["step"]) if case.task is not None]
    asked.add_argument("tasks", nargs="+", choices=sorted({case.task for case in cases if case.task is not None}))
    asked.add_argument("--precision", choices=PRECISIONS[:2], help="one of them instead of both")
    asked.add_argument("--threads", type=int, default=torch.get_num_threads())
    asked.add_argument("--steps", type=int, default=200)
    given = asked.parse_args()
    torch.set_num_threads(given.threads)
    rates = Rates()
    for case in cases:
        if case.task in given.tasks and given.precision in (None, case.precision):
            found, floor = measure(case, given.steps, rates)
            whole = sum(found.values())
            sys.stdout.write(f"{case.task} {case.precision}, {given.threads} threads: {whole:.2f} ms\n")
            sys.stdout.write(f"  {floor:6.2f} {floor / whole:5.0%}  floor of the products\n")
            for name, value in found.items():
                sys.stdout.write(f"  {value:6.2f} {value / whole:5.0%}  {name}\n")


if __name__ == "__main__":
    main()
