"""What a task hands to the training loop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from torch import nn

from recurra.engines.request import State
from recurra.topologies.sequence_model import Loss


@runtime_checkable
class Limitable(Protocol):
    """A trainee that can be evaluated on a part of what it is validated on, spread over it, always the same."""

    def limit_evaluation(self, units: int) -> int:
        """From now on on so many units, or as few as say something; returns how many. It is not asked for more."""


class Trainee(Protocol):
    """A network with its batches, its loss and its evaluation."""

    network: nn.Module
    evaluation_units: int
    """Units (tokens, examples) that an evaluation looks at."""

    def steps(self, epoch: int) -> int:
        """Batches of an epoch."""

    def batches(self, epoch: int) -> Iterator[Any]:
        """The batches of an epoch: the same for the same epoch and seed."""

    def loss(self, network: Any, batch: Any, state: State | None) -> Loss:
        """What a batch costs, by the network's own `loss`, and the state to carry on."""

    def evaluate(self, network: Any) -> dict[str, float]:
        """Metrics on the validation part, "loss" in nats among them."""

    def rank(self, metrics: dict[str, float]) -> list[float]:
        """What is compared to find the best evaluation; lower is better."""


@runtime_checkable
class Carrying(Protocol):
    """A trainee whose batches hand a state on."""

    def carried(self) -> list[tuple[int, ...]]:
        """The shapes of that state's tensors."""


@runtime_checkable
class Divisible(Protocol):
    """A trainee whose batches can be divided among processes."""

    def costs(self, batch: Any) -> npt.NDArray[np.number[Any]]:
        """How much work each row of a batch is, such as its tokens. Shapes: [B]"""

    def rows(self, batch: Any, rows: slice) -> Any:
        """Some rows of a batch, as a batch."""


@runtime_checkable
class Weighing(Protocol):
    """A trainee whose losses are means over something else than their units."""

    def weight(self, batch: Any) -> int:
        """What the loss of a batch is the mean over, 0 if it has nothing to learn from."""
