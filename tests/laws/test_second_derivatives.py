"""Gradients of gradients are those of the equations, on any engine."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from recurra.cells.catalogue import get
from recurra.cells.definition import Cell
from recurra.engines.request import CellWeights
from recurra.recurrence import unroll
from tests.laws.law_cases import (
    BESIDE_REFERENCE,
    Sample,
    draw,
    every_pair_but_reference,
    takes_masks,
)

ENGINES = sorted({engine for _, engine in BESIDE_REFERENCE})


def twice(total: Tensor, leaves: list[Tensor]) -> list[Tensor]:
    """The first derivatives of a number, and those of their squares."""
    given = {"allow_unused": True, "materialize_grads": True}
    first = torch.autograd.grad(total, leaves, create_graph=True, **given)
    second = torch.autograd.grad(sum((f**2).sum() for f in first), leaves, **given)
    return [*(f.detach() for f in first), *second]


def leaves_of(sample: Sample) -> list[Tensor]:
    return [sample.x, *sample.state, *sample.weights.values()]


@pytest.mark.parametrize("mask", [False, True], ids=["", "masked"])
@every_pair_but_reference
def test_second_derivatives_are_the_references(cell: Cell, engine: str, mask: bool) -> None:
    if mask and not takes_masks(engine, cell):
        pytest.skip(f"{engine} has no masks")
    sample, found = draw(cell, 2, 2, 2, 2), []
    kept = torch.tensor([[0.0, 2.0], [2.0, 2.0]], dtype=torch.float64) if mask else None
    for name in (engine, "reference"):
        y, last = unroll(cell, CellWeights(**sample.weights), sample.x, sample.state, recurrent_mask=kept, engine=name)
        found.append(twice((y**2).sum() + sum((s**3).sum() for s in last), leaves_of(sample)))
    torch.testing.assert_close(found[0], found[1])


@pytest.mark.parametrize("engine", [*ENGINES, "reference"])
def test_gradgradcheck(engine: str) -> None:
    cell, sample = get("gru"), draw(get("gru"), 2, 2, 1, 2)
    names = list(sample.weights)

    def run(x: Tensor, h: Tensor, *weights: Tensor) -> Tensor:
        return unroll(cell, CellWeights(**dict(zip(names, weights, strict=True))), x, (h,), engine=engine)[0]

    assert torch.autograd.gradgradcheck(run, tuple(leaves_of(sample)))


@pytest.mark.parametrize("engine", ENGINES)
def test_where_tensors_meet(engine: str) -> None:
    """One tensor in two places, and a state that was made with the same weights."""
    cell, sample = get("lstm"), draw(get("lstm"), 2, 2, 2, 2)
    found = []
    for name in (engine, "reference"):
        weights, same = CellWeights(**sample.weights), sample.state[0]
        _, last = unroll(cell, weights, sample.x, (same, same), engine=name)
        y, _ = unroll(cell, weights, sample.x, last, engine=name)
        found.append(twice((y**2).sum(), [sample.x, same, *sample.weights.values()]))
    torch.testing.assert_close(found[0], found[1])
