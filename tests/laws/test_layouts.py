"""Where the numbers lie in memory is nobody's business: every dense layout gives the same outputs and gradients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from recurra.cells.catalogue import get
from recurra.cells.definition import Cell
from recurra.engines.request import CellWeights, Embedded
from recurra.layers.stack import Stack
from recurra.recurrence import unroll
from tests.laws.law_cases import Answer, Sample, answer, assert_same, draw, every_pair, gradients

LENGTHS = [6, 1, 4, 3]


def column_major(values: Tensor) -> Tensor:
    """Dense, the last axis first in memory."""
    return values.permute(*reversed(range(values.dim()))).contiguous().permute(*reversed(range(values.dim())))


def within(values: Tensor) -> Tensor:
    """A part of something larger, which starts at an odd place."""
    room = values.new_full([n + 3 for n in values.shape], torch.nan)
    part = room[tuple(slice(1, n + 1) for n in values.shape)]
    return part.copy_(values)


def every_other(values: Tensor) -> Tensor:
    """No two numbers side by side."""
    return values.repeat_interleave(2, -1)[..., ::2]


LAYOUTS = (column_major, within, every_other)


def laid_out(sample: Sample, layout: Callable[[Tensor], Tensor]) -> Sample:
    def leaf(values: Tensor) -> Tensor:
        return layout(values.detach()).requires_grad_()

    weights = {n: leaf(w) for n, w in sample.weights.items()}
    return replace(sample, weights=weights, x=leaf(sample.x), state=tuple(leaf(s) for s in sample.state))


@pytest.mark.parametrize("layout", [column_major, within], ids=lambda f: f.__name__)
@every_pair
def test_any_layout_of_weights_input_and_states(cell: Cell, engine: str, layout: Callable[[Tensor], Tensor]) -> None:
    sample = draw(cell)
    found = answer(cell, engine, laid_out(sample, layout), lengths=LENGTHS)
    assert_same(found, answer(cell, "reference", sample, lengths=LENGTHS))


def transposed(values: Tensor) -> Tensor:
    """Time first in memory."""
    return values.transpose(0, 1).contiguous().transpose(0, 1)


def units_first(values: Tensor) -> Tensor:
    return values.transpose(1, 2).contiguous().transpose(1, 2)


def expanded(values: Tensor) -> Tensor:
    """One number for all rows and steps."""
    return values[:1, :1].expand_as(values)


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "ragged"])
@pytest.mark.parametrize("layout", [transposed, every_other, expanded, units_first], ids=lambda f: f.__name__)
@every_pair
def test_any_layout_of_x_and_dy(
    cell: Cell, engine: str, layout: Callable[[Tensor], Tensor], lengths: list[int] | None
) -> None:
    sample, found = draw(cell), []
    rows = None if lengths is None else torch.tensor(lengths)
    d_y = layout(torch.linspace(-1, 1, 120, dtype=torch.float64).sin().view(4, 6, 5))
    x = layout(sample.x.detach())
    for given, d in ((x, d_y), (x.contiguous(), d_y.contiguous())):
        leaf = given.detach().requires_grad_()
        y, _ = unroll(cell, CellWeights(**sample.weights), leaf, sample.state, lengths=rows, engine=engine)
        leaves = [leaf, *sample.state, *sample.weights.values()]
        found.append([y.detach(), *torch.autograd.grad(y, leaves, d, materialize_grads=True, allow_unused=True)])
    torch.testing.assert_close(found[0], found[1])


@every_pair
def test_one_state_for_all_rows(cell: Cell, engine: str) -> None:
    sample = draw(cell)
    state = tuple(s.detach()[:1].expand(4, -1).requires_grad_() for s in sample.state)
    shared = replace(laid_out(sample, every_other), state=state)
    assert_same(answer(cell, engine, shared), answer(cell, "reference", replace(sample, state=state)))


def with_tokens(cell: Cell, engine: str, sample: Sample, tokens: Tensor, table: Tensor) -> Answer:
    y, last = unroll(cell, CellWeights(**sample.weights), Embedded(tokens, table), sample.state, engine=engine)
    return gradients(Sample(sample.weights, table, sample.state), {"y": y, "last": last[0]})


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("engine", ["native", "vendor"])
def test_any_layout_of_tokens_and_table(engine: str, layout: Callable[[Tensor], Tensor]) -> None:
    cell = get("gru")
    sample = draw(cell)
    tokens = torch.arange(24).mul(7).remainder(5).reshape(4, 6)
    table = torch.linspace(-1, 1, 15, dtype=torch.float64).sin().reshape(5, 3)
    turned = tokens.T.contiguous().T if layout is column_major else every_other(tokens)
    found = with_tokens(cell, engine, laid_out(sample, layout), turned, layout(table).requires_grad_())
    assert_same(found, with_tokens(cell, "reference", sample, tokens, table.requires_grad_()))


@pytest.mark.parametrize("layout", [column_major, within], ids=lambda f: f.__name__)
@pytest.mark.parametrize("how", ["float32", "float64", "bfloat16", "autocast", "compiled"])
@pytest.mark.parametrize("name", ["gru", "peephole-lstm"])
def test_a_layer_whose_weights_lie_otherwise(name: str, how: str, layout: Callable[[Tensor], Tensor]) -> None:
    """Loaded with `assign`, as in `load_state_dict({...: kernel.T}, assign=True)`."""
    torch.manual_seed(3)
    dtype = {"float64": torch.float64, "bfloat16": torch.bfloat16}.get(how, torch.float32)
    layers = 1 if how == "compiled" else 2  # a compiler takes a second for each
    found = []
    plain = Stack(3, 5, layers, cell=name, bidirectional=True, dtype=dtype)
    x = torch.randn(4, 6, 3, dtype=dtype)
    for lies in (None, layout):
        run = stack = plain
        if lies is not None:
            stack = Stack(3, 5, layers, cell=name, bidirectional=True, dtype=dtype)
            stack.load_state_dict({n: lies(v) for n, v in plain.state_dict().items()}, assign=True)
            run = stack
            if how == "compiled":
                torch._dynamo.reset()
                run = torch.compile(stack, fullgraph=True, backend="aot_eager")  # type: ignore[assignment]
        with torch.autocast("cpu", torch.bfloat16, enabled=how == "autocast"):
            y, _ = run(x, lengths=torch.tensor(LENGTHS))
        found.append([y, *torch.autograd.grad(y.square().sum(), list(stack.parameters()))])
    torch.testing.assert_close(found[1], found[0])


@every_pair
def test_weights_that_are_made_of_others(cell: Cell, engine: str) -> None:
    """A parametrised weight that is a transposed, and one that is a part of a larger tensor."""
    sample = draw(cell)
    kept = {n: column_major(w.detach()).requires_grad_() for n, w in sample.weights.items()}
    made = {n: (w.T.contiguous().T if w.dim() == 2 else torch.cat([w, w])[: len(w)]) for n, w in kept.items()}
    y, last = unroll(cell, CellWeights(**made), sample.x, sample.state, engine=engine)
    found = gradients(replace(sample, weights=kept), {"y": y} | {f"last {i}": s for i, s in enumerate(last)})
    y, last = unroll(cell, CellWeights(**sample.weights), sample.x, sample.state, engine="reference")
    assert_same(found, gradients(sample, {"y": y} | {f"last {i}": s for i, s in enumerate(last)}))


def test_the_gradient_of_a_weight_lies_in_rows() -> None:
    cell, sample = get("lstm"), laid_out(draw(get("lstm")), column_major)
    y, _ = unroll(cell, CellWeights(**sample.weights), sample.x, sample.state, engine="native")
    for gradient in torch.autograd.grad(y.sum(), list(sample.weights.values())):
        assert gradient.is_contiguous()
