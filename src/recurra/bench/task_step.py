"""The whole training step of a task's default model, as `recurra train` does it, and on torch.nn's layers."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from recurra.bench.cases import Case
from recurra.bench.compare import timed
from recurra.bench.counted import counted, counted_update
from recurra.bench.examples import AS_OF_MANY, EXAMPLES
from recurra.bench.machine import Rates
from recurra.bench.record import Request, Row
from recurra.bench.recurra_side import SEED, autocast
from recurra.bench.roofline import Work, together
from recurra.bench.turns import Turns, block_for, steps_of
from recurra.bench.watched import WatchedTask, disagreement, engine_name, train
from recurra.errors import EngineError, UsageError
from recurra.layers.stack import Stack
from recurra.tasks import registry
from recurra.tasks.sources.resolving import resolve
from recurra.topologies.attention import Attention
from recurra.training.fit import step_seed
from recurra.training.optimizer import optimizer_of
from recurra.training.settings import TrainingSettings

PEER = "torch.nn's layers"
"""The same network with torch's kernels in its recurrent layers and torch's operations in its attention, in a plain
loop."""


@dataclass
class Repeated:
    """A task's training on one batch again and again, so that all steps are alike; every step still makes the next one.
    No state is carried: each side begins the batch anew.

    count: steps; batch: that of the middle among the first ones, by tokens
    """

    task: Any
    count: int = 1

    def __post_init__(self) -> None:
        self.network = self.task.network
        first = [batch for batch, _ in zip(self._endless(), range(9), strict=False)]
        self.batch = sorted(first, key=_size)[len(first) // 2]

    def steps(self, _epoch: int) -> int:
        return self.count

    def batches(self, _epoch: int) -> Iterator[Any]:
        for _ in self._endless():
            yield self.batch

    def loss(self, network: Any, batch: Any, _state: Any) -> Any:
        return self.task.loss(network, batch, None)

    def _endless(self) -> Iterator[Any]:
        epoch = 0
        while True:
            yield from self.task.batches(epoch)
            epoch += 1


class PlainLoop:
    """A copy of a network whose layers and attention are torch's, trained on the same batches in a short loop."""

    def __init__(self, case: Case, repeated: Repeated, settings: TrainingSettings) -> None:
        self.case, self.repeated, self.settings = case, repeated, settings
        self.network: Any = copy.deepcopy(repeated.network)
        for module in self.network.modules():
            if isinstance(module, Stack | Attention):
                module.engine = "vendor"
        self.network.train()
        self.optimizer = optimizer_of(self.network, settings)
        self.losses: list[Tensor] = []

    def step(self, index: int) -> None:
        """Train once. index: of the step, which decides what dropout leaves out"""
        loss = self._backward(index)
        if self.settings.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.clip_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.losses.append(loss.detach())

    def update(self) -> Work:
        """What the optimizer has to multiply at every step, such as Muon."""
        self._backward(len(self.losses))
        return counted_update(self.optimizer)

    def _backward(self, index: int) -> Tensor:
        torch.default_generator.manual_seed(step_seed(self.settings.seed, 0, index))
        with autocast(self.case.precision):
            loss: Tensor = self.repeated.loss(self.network, self.repeated.batch, None).mean
        loss.backward()  # type: ignore[no-untyped-call]
        return loss


def task_step(case: Case, asked: Request, rates: Rates) -> list[Row]:
    """Batcher, network, loss, clipping, optimizer and average of a task's defaults, beside the plain loop."""
    try:
        task, settings = prepared(case, asked.engine)
    except UsageError as error:  # such as a package that the task needs
        return [Row(case, asked.engine, PEER, status="not run", reason=str(error))]
    repeated = Repeated(task)
    row = Row(case, engine_name(_first(repeated.network)), PEER)
    peer = PlainLoop(case, repeated, settings)
    try:
        work = counted(repeated.network, lambda: repeated.loss(repeated.network, repeated.batch, None), case.precision)
        block = block_for(rates.roofline(work.work, case.precision))
        repeated.count = steps_of(asked.repeats, block) + 1  # nothing is called after the last step
        turns = Turns([peer.step], asked.repeats, block)
        watched = WatchedTask(repeated, turns.after)
        train(watched, settings)
    except EngineError as error:
        return [replace(row, status="not run", reason=str(error))]
    apart = watched.apart(peer.losses)
    if (reason := disagreement(apart, case.precision)) is not None:
        return [replace(row, status="differs", reason=reason)]
    update = peer.update()
    least, by = rates.whole(work.whole(update), case.precision)
    own, other = turns.times(watched.seconds), turns.times(turns.seconds[0])
    row = replace(row, difference=apart, whole_ms=1e3 * least, whole_share=least / own.median, whole_by=by)
    return [timed(row, own, other, together(work.work, update), rates)]


def prepared(case: Case, engine: str) -> tuple[Any, TrainingSettings]:
    """A task's default training on drawn data, and its settings with a constant learning rate."""
    assert case.task is not None
    row = registry.get(case.task)
    with tempfile.TemporaryDirectory() as folder:
        source = resolve(EXAMPLES[case.task](Path(folder)), case.task)
        settings = row.defaults.settings.changed(
            **{**row.read(source.options), "engine": engine, "device": "cpu", "epochs": 1.0},
            **AS_OF_MANY.get(case.task, {}),
        )
        dataset = row.task.prepare(source, settings)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(SEED)
            trainee = row.task.trainee(row.task.network(dataset.preprocessor, dataset.settings), dataset)
    precision = "bf16" if case.precision == "bfloat16" else "32"
    return trainee, dataset.settings.training.model_copy(
        update={"schedule": "constant", "warmup": 0.0, "precision": precision}
    )


def _first(network: nn.Module) -> Stack:
    return next(module for module in network.modules() if isinstance(module, Stack))


def _size(batch: Any) -> int:
    """Numbers in all arrays of a batch."""
    if isinstance(batch, Tensor) or (hasattr(batch, "size") and hasattr(batch, "dtype")):
        return int(batch.numel() if isinstance(batch, Tensor) else batch.size)
    if isinstance(batch, tuple | list):
        return sum(map(_size, batch))
    return sum(map(_size, vars(batch).values())) if hasattr(batch, "__dict__") else 0
