"""A trainee of one number and a clock that one sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from recurra.training.checkpoint import Checkpoint
from recurra.training.history import Point, Tick
from recurra.training.settings import TrainingSettings


def plain(**given: Any) -> TrainingSettings:
    """Settings under which the numbers can be followed by hand."""
    start = {
        "optimizer": "sgd",
        "momentum": 0.0,
        "learning_rate": 0.1,
        "schedule": "constant",
        "warmup": 0.0,
        "weight_decay": 0.0,
        "clip_norm": None,
        "average": False,
        "device": "cpu",
    }
    return TrainingSettings(**start | given)


class FakeClock:
    """Seconds that pass only when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Slope(nn.Module):
    """The loss is w times the batch: its gradient is the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor([1.0]))

    def forward(self, batch: Tensor) -> Tensor:
        return self.w * batch


@dataclass
class FakeTrainee:
    """`per_epoch` batches an epoch, all `gradient`; validation losses are taken from `validation`, then repeat 1.

    during: called with the number of the step in the run, from 1, before its loss.
    """

    per_epoch: int = 10
    gradient: float = 1.0
    validation: list[float] = field(default_factory=list)
    during: Callable[[int], float | None] = lambda step: None
    network: nn.Module = field(default_factory=Slope)
    steps_run: int = 0
    evaluation_units: int = 0
    weights_seen: list[float] = field(default_factory=list)

    def steps(self, epoch: int) -> int:
        return self.per_epoch

    def batches(self, epoch: int) -> Iterator[float]:
        return iter([self.gradient] * self.per_epoch)

    def loss(self, network: nn.Module, batch: float, state: Any) -> tuple[Tensor, int, None]:
        self.steps_run += 1
        other = self.during(self.steps_run)
        if network.state_dict()["w"].numel() == 1:
            self.weights_seen.append(float(network.state_dict()["w"]))
        return network(torch.tensor([batch if other is None else other])).sum(), 1, None

    def evaluate(self, network: nn.Module) -> dict[str, float]:
        assert not network.training
        return {"loss": self.validation.pop(0) if self.validation else 1.0}

    def rank(self, metrics: dict[str, float]) -> list[float]:
        return [metrics["loss"]]


@dataclass
class Watcher:
    """Keeps what a run tells."""

    ticks: list[Tick] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    bests: list[bool] = field(default_factory=list)
    saved: list[Checkpoint] = field(default_factory=list)
    evaluations: int = 0

    def tick(self, tick: Tick) -> None:
        self.ticks.append(tick)

    def point(self, point: Point, best: bool) -> None:
        self.points.append(point)
        self.bests.append(best)

    def evaluating(self) -> AbstractContextManager[None]:
        self.evaluations += 1
        return nullcontext()

    def save(self, checkpoint: Checkpoint) -> None:
        self.saved.append(checkpoint)
