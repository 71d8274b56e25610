"""What no engine can compute with is a ShapeError before any engine starts, never a number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from recurra.cells.catalogue import get
from recurra.cells.definition import Cell
from recurra.engines.request import CellWeights, Embedded
from recurra.errors import ShapeError
from recurra.recurrence import unroll
from tests.laws.law_cases import Sample, answer, assert_same, draw, every_pair

ENGINES = ("auto", "native", "vendor", "reference")


def single() -> Sample:
    return draw(get("gru"), dtype=torch.float32)


def run(sample: Sample, engine: str = "auto", **given: object) -> None:
    x = given.pop("x", sample.x.detach())
    state = given.pop("state", tuple(s.detach() for s in sample.state))
    unroll(get("gru"), CellWeights(**sample.weights), x, state, engine=engine, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", [torch.complex64, torch.int64, torch.bool, torch.float64])
@pytest.mark.parametrize("autocast", [False, True])
def test_numbers_of_another_kind(engine: str, kind: torch.dtype, autocast: bool) -> None:
    sample = single()
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        with pytest.raises(ShapeError, match="x is torch"):
            run(sample, engine, x=sample.x.detach().to(kind))
        with pytest.raises(ShapeError, match="state h is torch"):
            run(sample, engine, state=tuple(s.detach().to(kind) for s in sample.state))
        with pytest.raises(ShapeError, match="recurrent_mask is torch"):
            run(sample, engine, recurrent_mask=torch.ones(4, 5).to(kind))
        table = torch.randn(7, 3).to(kind)
        with pytest.raises(ShapeError, match="x is torch"):
            run(sample, engine, x=Embedded(torch.zeros(4, 6, dtype=torch.int64), table))


SHAPELESS: dict[str, Callable[[Tensor], Tensor]] = {
    "sparse": lambda t: t.to_sparse(),
    "mkldnn": lambda t: t.to_mkldnn(),
    "meta": lambda t: t.to("meta"),
    "nested": lambda t: torch.nested.as_nested_tensor(list(t), layout=torch.jagged),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", list(SHAPELESS))
def test_layouts_and_devices_that_hold_no_rows_of_numbers(engine: str, kind: str) -> None:
    sample, change = single(), SHAPELESS[kind]
    with pytest.raises(ShapeError):
        run(sample, engine, x=change(sample.x.detach()))
    with pytest.raises(ShapeError):
        run(sample, engine, state=tuple(change(s.detach()) for s in sample.state))
    with pytest.raises(ShapeError):
        run(sample, engine, recurrent_mask=change(torch.ones(4, 5)))


@pytest.mark.parametrize("engine", ENGINES)
def test_masks_of_another_shape(engine: str) -> None:
    for shape in ((4, 6), (5, 4), (4,), (1, 5), (4, 5, 1)):
        with pytest.raises(ShapeError, match="recurrent_mask"):
            run(single(), engine, recurrent_mask=torch.ones(shape))


@pytest.mark.parametrize("engine", ENGINES)
def test_nothing_to_compute(engine: str) -> None:
    sample = single()
    with pytest.raises(ShapeError, match="at least one step"):
        run(sample, engine, x=torch.zeros(4, 0, 3))
    weights = {name: torch.zeros(0, *w.shape[1:]) for name, w in sample.weights.items()}
    with pytest.raises(ShapeError):
        unroll(get("gru"), CellWeights(**weights), sample.x.detach(), engine=engine)


def negated(values: Tensor) -> Tensor:
    """The same numbers, negative by a bit of the tensor that no memory shows."""
    found = torch.complex(torch.zeros_like(values), -values.detach()).conj().imag
    assert found.is_neg()
    assert torch.equal(found.resolve_neg(), values.detach())
    return found.requires_grad_()


@every_pair
def test_a_sign_that_is_a_bit_of_the_tensor(cell: Cell, engine: str) -> None:
    sample = draw(cell)
    signed = replace(
        sample,
        weights={n: negated(w) for n, w in sample.weights.items()},
        x=negated(sample.x),
        state=tuple(negated(s) for s in sample.state),
    )
    lengths = [6, 1, 4, 3]
    assert_same(answer(cell, engine, signed, lengths=lengths), answer(cell, "reference", sample, lengths=lengths))


@every_pair
def test_incoming_gradients_with_such_a_sign(cell: Cell, engine: str) -> None:
    sample = draw(cell)
    found = []
    for change in (negated, lambda t: t):
        leaf = sample.x.detach().clone().requires_grad_()
        y, _ = unroll(cell, CellWeights(**sample.weights), leaf, tuple(sample.state), engine=engine)
        (gradient,) = torch.autograd.grad(
            y, leaf, change(torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view_as(y)).detach()
        )
        found.append(gradient)
    torch.testing.assert_close(found[0], found[1], rtol=0, atol=0)
