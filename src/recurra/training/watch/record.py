"""What was seen of a training, as plain values."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any

from pydantic import Field

from recurra.data.files.checked import Count, Exact, Name, checked
from recurra.data.files.json_text import storable
from recurra.training.watch.flow import Flow
from recurra.training.watch.layers import Gate

WATCHED = "watch.json"
"""What a run keeps of having been watched."""
MOST = 2000
"""Losses and norms that are kept; of longer runs neighbours are averaged."""


@dataclass(frozen=True)
class LayerLook:
    """One layer in one direction. name: "stack.l0" or "stack.l0_reverse"; length: steps of the longest row looked at"""

    name: str
    flow: Flow
    gates: dict[str, Gate]
    radii: dict[str, float]
    length: int


@dataclass(frozen=True)
class Look:
    """One step, looked at closely.

    step: from 1; updates: of each parameter the size of its change as a share of its own size;
    gradients: the norm of each one's gradient, after clipping
    """

    step: int
    epoch: int
    layers: tuple[LayerLook, ...]
    updates: dict[str, float]
    gradients: dict[str, float]

    def words(self) -> str:
        """In a line, of the layer whose gradient reaches least far."""
        parts = [f"step {self.step:,}"]
        if self.layers:
            least = min(self.layers, key=lambda layer: layer.flow.memory / max(1, layer.flow.steps))
            parts.append(f"the gradient of {least.name} reaches {least.flow.memory} of {least.flow.steps} steps back")
            if radii := [radius for layer in self.layers for radius in layer.radii.values()]:
                parts.append(f"spectral radius {max(radii):.3g}")
        if changes := [value for name, value in self.updates.items() if "weight_" in name]:
            parts.append(f"weights change by {sum(changes) / len(changes):.2g} of their size")
        return ", ".join(parts)


@dataclass(frozen=True)
class Spike:
    """A loss far above those before it. epoch, batch: which batch it was, both from 0; usual: the mean before"""

    step: int
    epoch: int
    batch: int
    loss: float
    usual: float


@dataclass
class Series:
    """Numbers in their order, neighbours averaged where there are more than MOST. each: numbers that one is made of"""

    values: list[float] = field(default_factory=list)
    each: int = 1
    begun: list[float] = field(default_factory=list)

    def add(self, value: float) -> None:
        self.begun.append(value)
        if len(self.begun) < self.each:
            return
        self.values.append(sum(self.begun) / len(self.begun))
        self.begun = []
        if len(self.values) > MOST:
            pairs = zip(self.values[::2], self.values[1::2], strict=False)
            self.values, self.each = [(a + b) / 2 for a, b in pairs], 2 * self.each

    def __len__(self) -> int:
        return len(self.values) * self.each + len(self.begun)


@dataclass
class Watched:
    """All that was seen.

    steps: of the training; clipped: those whose gradient was clipped; losses, norms: of every step, norms before
    clipping; frozen: parameters that ask for no gradient, tables: those that are token tables; diverged: the step at
    which loss or gradient was no number
    """

    steps: int = 0
    clipped: int = 0
    losses: Series = field(default_factory=Series)
    norms: Series = field(default_factory=Series)
    spikes: list[Spike] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    frozen: list[str] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    diverged: int | None = None
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Plain values; what is no number is null."""
        found: dict[str, Any] = storable(asdict(self))
        return found

    @classmethod
    def from_json(cls, found: Any) -> Watched:
        """What was null is infinite. Errors: DataError"""
        one = checked(_Stored, found, WATCHED)
        looks = [
            Look(
                look.step,
                look.epoch,
                tuple(
                    LayerLook(
                        layer.name,
                        Flow(tuple(_number(n) for n in layer.flow.norms)),
                        {name: _gate(gate) for name, gate in layer.gates.items()},
                        {name: _number(value) for name, value in layer.radii.items()},
                        layer.length,
                    )
                    for layer in look.layers
                ),
                {name: _number(value) for name, value in look.updates.items()},
                {name: _number(value) for name, value in look.gradients.items()},
            )
            for look in one.looks
        ]
        spikes = [Spike(**spike.model_dump()) for spike in one.spikes]
        losses, norms = _series(one.losses), _series(one.norms)
        counted = one.steps, one.clipped, losses, norms
        return cls(*counted, spikes, looks, one.frozen, one.tables, one.diverged, one.seconds)


def _gate(one: _Gate) -> Gate:
    return Gate(one.kind, _number(one.mean), one.shut, one.open, one.dead)


def _series(one: _Series) -> Series:
    return Series([_number(v) for v in one.values], one.each, [_number(v) for v in one.begun])


def _number(value: float | None) -> float:
    return math.inf if value is None else value


Number = float | None
Numbers = Annotated[list[Number], Field(max_length=100_000)]
Named = Annotated[dict[Name, Number], Field(max_length=10_000)]


class _Series(Exact):
    values: Numbers
    each: Count
    begun: Numbers


class _Flow(Exact):
    norms: Annotated[list[Number], Field(min_length=1, max_length=100_000)]


class _Gate(Exact):
    kind: Name
    mean: Number
    shut: float
    open: float
    dead: float


class _Layer(Exact):
    name: Name
    flow: _Flow
    gates: Annotated[dict[Name, _Gate], Field(max_length=1000)]
    radii: Named
    length: Count


class _Look(Exact):
    step: Count
    epoch: Count
    layers: Annotated[list[_Layer], Field(max_length=1000)]
    updates: Named
    gradients: Named


class _Spike(Exact):
    step: Count
    epoch: Count
    batch: Count
    loss: float
    usual: float


class _Stored(Exact):
    steps: Count
    clipped: Count
    losses: _Series
    norms: _Series
    spikes: Annotated[list[_Spike], Field(max_length=1000)]
    looks: Annotated[list[_Look], Field(max_length=10_000)]
    frozen: Annotated[list[Name], Field(max_length=100_000)]
    tables: Annotated[list[Name], Field(max_length=100_000)]
    diverged: Count | None
    seconds: float
