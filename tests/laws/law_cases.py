"""What every law runs over: each cell with each engine that can run it, and how an answer is taken and compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor

from recurra.cells.definition import Cell
from recurra.engines.choose import ENGINES, explain_choice
from recurra.engines.request import CellWeights, Engine, Request
from recurra.recurrence import unroll
from tests.laws.cells_for_tests import CELLS

Answer = dict[str, Tensor]


def can_run(engine: Engine, cell: Cell) -> bool:
    return dict(explain_choice(cell, input_size=3, hidden_size=4))[engine.name] is None


PAIRS = [(cell, engine.name) for engine in ENGINES for cell in CELLS if can_run(engine, cell)]

every_cell = pytest.mark.parametrize("cell", CELLS, ids=lambda c: c.name)
every_pair = pytest.mark.parametrize(("cell", "engine"), PAIRS, ids=[f"{c.name}-{e}" for c, e in PAIRS])
BESIDE_REFERENCE = [(cell, name) for cell, name in PAIRS if name != "reference"]
every_pair_but_reference = pytest.mark.parametrize(
    ("cell", "engine"), BESIDE_REFERENCE, ids=[f"{c.name}-{e}" for c, e in BESIDE_REFERENCE]
)


def takes_masks(engine: str, cell: Cell) -> bool:
    weights = CellWeights(**{name: torch.zeros(shape) for name, shape in cell.shapes(3, 4).items()})
    state = tuple(torch.zeros(1, 4) for _ in cell.states)
    request = Request(cell, weights, torch.zeros(1, 1, 3), state, recurrent_mask=torch.ones(1, 4))
    return next(e for e in ENGINES if e.name == engine).why_not(request) is None


MASKED = [(cell, name) for cell, name in PAIRS if takes_masks(name, cell)]
every_pair_with_masks = pytest.mark.parametrize(("cell", "engine"), MASKED, ids=[f"{c.name}-{e}" for c, e in MASKED])


POSITIVE = {("slstm", "n")}
"""States that are sums of positive numbers, and divided by."""


@dataclass(frozen=True)
class Sample:
    """Random numbers for one layer and direction; all of them leaves that take a gradient."""

    weights: dict[str, Tensor]
    x: Tensor
    state: tuple[Tensor, ...]

    def with_x(self, x: Tensor) -> Sample:
        return replace(self, x=x.detach().requires_grad_())

    def row(self, i: int, length: int | None = None) -> Sample:
        one = slice(i, i + 1)
        return Sample(
            self.weights,
            self.x.detach()[one, :length].requires_grad_(),
            tuple(s.detach()[one].requires_grad_() for s in self.state),
        )


def draw(
    cell: Cell,
    batch: int = 4,
    time: int = 6,
    inputs: int = 3,
    hidden: int = 5,
    *,
    dtype: torch.dtype = torch.float64,
    bias: bool = True,
    seed: int = 0,
) -> Sample:
    """The same numbers for the same arguments, whatever else was drawn."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int, scale: float = 0.6) -> Tensor:
        values = torch.randn(shape, generator=generator, dtype=torch.float64) * scale
        return values.to(dtype).requires_grad_()

    def state(name: str) -> Tensor:
        values = normal(batch, hidden)
        return values if (cell.name, name) not in POSITIVE else (values.detach().abs() + 0.3).requires_grad_()

    weights = {stored: normal(*shape) for stored, shape in cell.shapes(inputs, hidden, bias=bias).items()}
    return Sample(weights, normal(batch, time, inputs, scale=1.0), tuple(state(name) for name in cell.states))


def answer(
    cell: Cell,
    engine: str,
    sample: Sample,
    *,
    lengths: Sequence[int] | None = None,
    reverse: bool = False,
    recurrent_mask: Tensor | None = None,
) -> Answer:
    """Outputs, last states and the gradients of a fixed weighted sum of them, by name."""
    y, last = unroll(
        cell,
        CellWeights(**sample.weights),
        sample.x,
        sample.state,
        lengths=None if lengths is None else torch.tensor(lengths, dtype=torch.int64),
        reverse=reverse,
        recurrent_mask=recurrent_mask,
        engine=engine,
    )
    return gradients(sample, {"y": y} | {f"last {n}": s for n, s in zip(cell.states, last, strict=True)})


def gradients(sample: Sample, results: Answer) -> Answer:
    """The results and the gradients of their weighted sum; weights that depend on the place [b, t, unit] alone."""
    total = sum((place_weights(v) * v).sum() for v in results.values())
    leaves = {"x": sample.x} | {f"state {i}": s for i, s in enumerate(sample.state)} | sample.weights
    found = torch.autograd.grad(total, list(leaves.values()), allow_unused=True)
    given = {
        f"d {name}": torch.zeros_like(leaf) if g is None else g
        for (name, leaf), g in zip(leaves.items(), found, strict=True)
    }
    return {name: v.detach() for name, v in results.items()} | given


def place_weights(values: Tensor) -> Tensor:
    """Numbers from -1 to 1 that a row keeps when it moves within the batch or when T grows."""
    places = torch.arange(values.shape[-1], dtype=torch.float64)
    if values.dim() == 3:
        places = places + 10 * torch.arange(values.shape[1], dtype=torch.float64)[:, None]
    return torch.cos(1.7 * places).to(values.dtype)


TOLERANCE = {torch.float64: {"rtol": 1e-10, "atol": 1e-11}, torch.float32: {"rtol": 0.0, "atol": 2e-6}}
"""atol of float32 is a share of the largest number of a part. Two engines add in different orders, and a gradient may
be a small difference of large terms: against float64 each engine, the reference too, is off by up to 7e-7 of the
largest, whatever the element's own size. A weight that is one number sums terms of all units: there it is a share of
the largest gradient of any weight."""


def largest(answer: Answer, name: str) -> float:
    """The largest number of a part; of a weight that is one number that of the gradients of all weights."""
    parts = [n for n in answer if n.startswith("d ")] if name == "d weight_k" else [name]
    return max(float(answer[n].abs().max()) for n in parts if answer[n].numel())


def assert_same(found: Answer, expected: Answer, *, exact: bool = False) -> None:
    """Every part alike, to the accuracy of its type; `exact` to the bit."""
    assert found.keys() == expected.keys()
    for name, value in found.items():
        limits = {"rtol": 0.0, "atol": 0.0} if exact else dict(TOLERANCE[value.dtype])
        if value.dtype == torch.float32 and value.numel():
            limits["atol"] *= largest(expected, name)
        torch.testing.assert_close(value, expected[name], **limits, msg=lambda m, name=name: f"{name}: {m}")
