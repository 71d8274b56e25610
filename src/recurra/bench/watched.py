"""A training under a clock: the steps of `recurra train` themselves, each from one asked batch to the next."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from recurra.bench.cases import Precision
from recurra.bench.timing import no_collection
from recurra.engines.choose import choose
from recurra.engines.request import Request, State
from recurra.errors import StoppedError
from recurra.layers.stack import Stack
from recurra.topologies.sequence_model import Loss
from recurra.training.fit import fit
from recurra.training.settings import TrainingSettings

SAME_LOSS: dict[Precision, float] = {"float32": 1e-3, "bfloat16": 2e-2}
"""How far the losses of the first steps of both sides may be apart, of the loss."""
COMPARED = 3
"""So many steps. Later ones differ by more: training amplifies rounding."""


def disagreement(apart: float, precision: Precision) -> str | None:
    """None if losses so far apart are the same but for rounding; otherwise by how much they are not."""
    if apart <= SAME_LOSS[precision]:
        return None
    steps = f"the losses of the first {COMPARED} steps"
    return f"the results differ: {steps} by {apart:.1g} of their value, {SAME_LOSS[precision]:.0e} is allowed"


class Watch(Protocol):
    """Hears of the moments of a step."""

    def mark(self, moment: str) -> None: ...


class Trained(Protocol):
    """What of a trainee a step needs."""

    network: nn.Module

    def steps(self, epoch: int) -> int: ...

    def batches(self, epoch: int) -> Iterator[Any]: ...

    def loss(self, network: Any, batch: Any, state: State | None) -> Loss: ...


class WatchedTask:
    """A trainee as the training loop sees it, with a clock that runs from one asked batch to the next.

    What it measures is so the step of `recurra train` itself, whatever that does. after: called between two steps with
    the clock stopped.
    """

    def __init__(self, task: Trained, after: Callable[[int], None], watch: Watch | None = None) -> None:
        self.task, self.after, self.watch = task, after, watch
        self.network, self.evaluation_units, self.steps = task.network, 1, task.steps
        self.seconds: list[float] = []
        self.losses: list[Tensor] = []
        self._begun = 0.0
        self._running = False

    def batches(self, epoch: int) -> Iterator[Any]:
        source = self.task.batches(epoch)
        for index in range(self.steps(epoch)):
            self._running, self._begun = True, time.perf_counter()
            self._mark("begun")
            batch = next(source)
            self._mark("batch")
            yield batch
            self._end()
            self.after(index)

    def loss(self, network: Any, batch: Any, state: State | None) -> Loss:
        self._mark("loss begun")
        found = self.task.loss(network, batch, state)
        self._mark("loss")
        self.losses.append(found.mean.detach())
        return found

    def evaluate(self, network: Any) -> dict[str, float]:
        """Nothing is evaluated; an evaluation comes after a step, which ends here."""
        self._end()
        return {"loss": 0.0}

    def rank(self, found: dict[str, float]) -> list[float]:
        return [found["loss"]]

    def apart(self, others: Sequence[Tensor]) -> float:
        """Largest difference of the first losses, of the loss; infinity where one is no number."""
        pairs = zip(self.losses[:COMPARED], others[:COMPARED], strict=True)
        apart = [abs(float(own) - float(other)) / abs(float(other)) for own, other in pairs]
        return max(value if value == value else float("inf") for value in apart)

    def _end(self) -> None:
        if self._running:
            self._mark("ended")
            self.seconds.append(time.perf_counter() - self._begun)
            self._running = False

    def _mark(self, moment: str) -> None:
        if self.watch is not None:
            self.watch.mark(moment)


def train(watched: WatchedTask, settings: TrainingSettings) -> None:
    """Errors: StoppedError"""
    with torch.random.fork_rng(devices=[]), no_collection():
        outcome = fit(watched, settings)
    if outcome.signal is not None:
        raise StoppedError("the benchmark was stopped", outcome.signal)


def engine_name(layers: Stack, batch: int = 1) -> str:
    """The name of the engine that runs the first of some layers over vectors."""
    if layers.engine != "auto":
        return layers.engine
    x = torch.zeros(batch, 1, layers.input_size)
    state = tuple(s[0] for s in layers.initial_state(batch))
    return choose(Request(layers.cell, layers.weights(), x, state)).name
