"""A run in one process: what the loop asks of its surroundings, and nobody to agree with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from recurra.engines.request import State
from recurra.errors import CallbackError
from recurra.training.history import Clock, Progress
from recurra.training.processes.place import Place
from recurra.training.processes.plain import Device, Plain, Precision
from recurra.training.processes.quiet import quiet_fabric
from recurra.training.signals import StopRequest
from recurra.training.trainee import Trainee

T = TypeVar("T")


class Processes:
    """One process, and what `Together` does otherwise."""

    place = Place()

    def fabric(self, device: str, precision: Precision) -> Device:
        """What trains there. device: "cpu", "cuda", or "auto" for the fastest that is here"""
        other = torch.cuda.is_available() or torch.backends.mps.is_available()
        if device == "cpu" or (device == "auto" and not other):
            return Plain(precision)
        from lightning_fabric import Fabric

        with quiet_fabric():
            return Fabric(accelerator=device, devices=1, precision=precision)

    def clock(self, clock: Clock) -> Clock:
        """A clock by which all processes take the same decisions."""
        return clock

    def from_first(self, own: T) -> T:
        """What the first process gives."""
        return own

    def progress(self, progress: Progress) -> Progress:
        """What is told in this process."""
        return progress

    @contextmanager
    def training(self, trainee: Trainee, network: nn.Module, stop: StopRequest) -> Iterator[None]:
        """Entered while the network is trained."""
        yield

    def noise(self) -> tuple[int, ...]:
        """What belongs to a seed beside run, epoch and step: each process draws its own noise."""
        return ()

    def own_state(self, state: State | None) -> State | None:
        """The rows of this process of a state of all."""
        return state

    def whole_state(self, state: State | None) -> State | None:
        """The state of all, of the rows of each."""
        return state

    def own_part(self, trainee: Trainee, batch: Any) -> Any:
        """The rows of this process of a batch."""
        return batch

    def weighted(self, loss: Tensor, units: int) -> Tensor:
        """What to take the gradient of."""
        return loss

    def reduced(self, loss: float, units: int) -> tuple[float, int]:
        """Loss and units of the whole batch; the weights' gradients are its own afterwards."""
        return loss, units

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Entered while the network is evaluated; parts of the work are divided, see `spread`."""
        yield

    def agreed(self, metrics: dict[str, float]) -> dict[str, float]:
        """The scores by which all decide."""
        return metrics

    def stopped_by(self, stop: StopRequest) -> int | None:
        """The signal that any process has received, as far as all know of it."""
        return stop.received

    def enough(self, stop: StopRequest) -> bool:
        """Whether a callback wants no more training, as far as all know of it."""
        return stop.enough

    def settle(self) -> None:
        """Make known to all what a step would: the time, signals, failed callbacks."""

    def failed(self) -> CallbackError | None:
        """What a callback failed of, when all know that one has."""
        return None


ALONE = Processes()
