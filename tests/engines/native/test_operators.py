"""The native layer as torch's own tools see it: operators, compiler, autocast, second derivatives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ctypes import byref
from typing import Any

import pytest
import torch
from torch import Tensor

from recurra.cells.catalogue import get
from recurra.cells.definition import Cell
from recurra.engines.native import calls, library
from recurra.engines.native.calls import Inputs
from recurra.engines.native.compiled import by_key, compiled, in_core
from recurra.engines.native.layer import layer
from recurra.engines.native.operators import _memory_size
from recurra.engines.request import CellWeights
from recurra.recurrence import unroll
from tests.laws.cells_for_tests import CELLS
from tests.laws.law_cases import Sample, answer, assert_same, draw, every_cell, gradients

LENGTHS = [6, 1, 4, 3]
TOKENS = torch.tensor([[0, 2, 2, 1, 0, 2], [1, 1, 1, 1, 1, 1], [3, 0, 0, 2, 1, 0], [2, 2, 3, 3, 0, 1]])


def arguments(cell: Cell, dtype: torch.dtype, kind: str, lengths: bool, reverse: bool = False) -> tuple[Any, ...]:
    """What `torch.ops.recurra.layer` takes."""
    sample = draw(cell, dtype=dtype)
    table = torch.randn(5, 3, dtype=dtype, requires_grad=True) if kind == "table" else None
    return (
        compiled(cell, bias=True, mask=False).key,
        sample.x if table is None else TOKENS,
        table,
        torch.tensor(LENGTHS) if lengths else None,
        list(sample.state),
        list(sample.weights.values()),
        reverse,
        False,
    )


@pytest.fixture
def empty_is_alike() -> Iterator[None]:
    """Memory that nobody writes, such as a buffer's end, holds the same in every run, for opcheck compares it."""
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


# operators and compilers


@pytest.mark.usefixtures("empty_is_alike")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("lengths", [False, True], ids=["full", "ragged"])
@pytest.mark.parametrize("kind", ["x", "table"])
def test_the_operator_is_sound(kind: str, lengths: bool, dtype: torch.dtype) -> None:
    torch.library.opcheck(torch.ops.recurra.layer, arguments(get("lstm"), dtype, kind, lengths, reverse=lengths))


@pytest.mark.usefixtures("empty_is_alike")
@pytest.mark.parametrize("cell", CELLS[-4:], ids=lambda c: c.name)
def test_the_operator_is_sound_for_users_cells(cell: Cell) -> None:
    torch.library.opcheck(torch.ops.recurra.layer, arguments(cell, torch.float64, "x", True))


def test_memory_is_never_too_small() -> None:
    """What the operator sets aside, of symbolic sizes, is enough for what the core then asks for."""
    for cell in CELLS:
        made = compiled(cell, bias=True, mask=False)
        for batch, time, hidden in ((1, 1, 1), (1, 300, 1), (70, 1, 3), (5, 9, 17), (33, 40, 65)):
            for dtype in (torch.float32, torch.float64):
                weights = tuple(torch.zeros(s, dtype=dtype) for s in cell.shapes(2, hidden).values())
                state = tuple(torch.zeros(batch, hidden, dtype=dtype) for _ in cell.states)
                for lengths in (None, 1 + torch.arange(batch) % time):
                    x = torch.zeros(batch, time, 2, dtype=dtype)
                    call, alive = calls._call(made, Inputs(x, None, lengths, state, weights, False, False))
                    needed = made.library.c.recurra_memory(made.train, byref(call))
                    assert 0 < needed <= _memory_size(made.form, batch, time, hidden, dtype.itemsize)
                    del alive


@pytest.mark.parametrize("kind", ["x", "table"])
@pytest.mark.parametrize("name", ["lstm", "gru", "peephole-lstm"])
def test_compiled_gives_the_same(name: str, kind: str) -> None:
    key, x, table, lengths, state, weights, *flags = arguments(get(name), torch.float64, kind, True)
    made, first = in_core(by_key(key)), x if table is None else table

    def run(first: Tensor, state: list[Tensor], weights: list[Tensor]) -> list[Tensor]:
        given = (first, None) if kind == "x" else (TOKENS, first)
        y, last = layer(made, Inputs(*given, lengths, tuple(state), tuple(weights), *flags))
        return [y * 2, *last]

    found = []
    for function in (run, torch.compile(run, fullgraph=True, backend="aot_eager")):
        results = function(first, state, weights)
        sample = Sample(dict(zip(made.stored, weights, strict=True)), first, tuple(state))
        found.append(gradients(sample, {str(i): r for i, r in enumerate(results)}))
    assert_same(found[1], found[0])


# second derivatives


@pytest.mark.parametrize("mask", [False, True], ids=["", "masked"])
@every_cell
def test_second_derivatives_are_right(cell: Cell, mask: bool) -> None:
    sample = draw(cell, 2, 2, 2, 2)
    kept = torch.tensor([[0.0, 2.0], [2.0, 2.0]], dtype=torch.float64) if mask else None
    found = []
    for engine in ("native", "reference"):
        y, last = unroll(
            cell, CellWeights(**sample.weights), sample.x, sample.state, recurrent_mask=kept, engine=engine
        )
        leaves = [sample.x, *sample.state, *sample.weights.values()]
        total = (y**2).sum() + sum((s**3).sum() for s in last)
        first = torch.autograd.grad(total, leaves, create_graph=True, allow_unused=True, materialize_grads=True)
        second = torch.autograd.grad(
            sum((f**2).sum() for f in first), leaves, allow_unused=True, materialize_grads=True
        )
        found.append([*(f.detach() for f in first), *second])
    torch.testing.assert_close(found[0], found[1])


def test_gradgradcheck() -> None:
    cell, sample = get("gru"), draw(get("gru"), 2, 2, 1, 2)
    names = list(sample.weights)

    def run(x: Tensor, h: Tensor, *weights: Tensor) -> Tensor:
        return unroll(cell, CellWeights(**dict(zip(names, weights, strict=True))), x, (h,), engine="native")[0]

    assert torch.autograd.gradgradcheck(run, (sample.x, *sample.state, *sample.weights.values()))


def test_second_derivatives_where_tensors_meet() -> None:
    """One tensor in two places, and a state that was made with the same weights."""
    cell, sample = get("lstm"), draw(get("lstm"), 2, 2, 2, 2)
    found = []
    for engine in ("native", "reference"):
        weights, same = CellWeights(**sample.weights), sample.state[0]
        _, last = unroll(cell, weights, sample.x, (same, same), engine=engine)
        y, _ = unroll(cell, weights, sample.x, last, engine=engine)
        leaves = [sample.x, same, *sample.weights.values()]
        first = torch.autograd.grad((y**2).sum(), leaves, create_graph=True)
        second = torch.autograd.grad(sum((f**2).sum() for f in first), leaves)
        found.append([*(f.detach() for f in first), *second])
    torch.testing.assert_close(found[0], found[1])


# types and layouts


@every_cell
def test_autocast_is_close(cell: Cell) -> None:
    sample = draw(cell, dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        y, last = unroll(cell, CellWeights(**sample.weights), sample.x, sample.state, engine="native")
    found = gradients(sample, {"y": y} | {f"last {n}": s for n, s in zip(cell.states, last, strict=True)})
    for name, expected in answer(cell, "reference", sample).items():
        error = (found[name] - expected).norm() / expected.norm().clamp(min=1e-6)
        assert found[name].dtype == torch.float32
        assert error < 0.03, f"{name}: {error}"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
@every_cell
def test_no_rows(cell: Cell, dtype: torch.dtype) -> None:
    sample = draw(cell, 0, dtype=dtype)
    found = answer(cell, "native", sample)
    assert found["y"].shape == (0, 6, 5)
    for name in sample.weights:
        assert torch.equal(found[f"d {name}"], torch.zeros_like(sample.weights[name]))


def transposed(x: Tensor) -> Tensor:
    return x.detach().transpose(0, 1).contiguous().transpose(0, 1)


def strided(x: Tensor) -> Tensor:
    return torch.stack([x.detach(), x.detach() + 1], -1)[..., 0]


def expanded(x: Tensor) -> Tensor:
    return x.detach()[:1, :1].expand_as(x)


def backwards_units(x: Tensor) -> Tensor:
    return x.detach().transpose(1, 2).contiguous().transpose(1, 2)


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "ragged"])
@pytest.mark.parametrize("layout", [transposed, strided, expanded, backwards_units])
def test_any_layout_of_x_and_dy(layout: Callable[[Tensor], Tensor], lengths: list[int] | None) -> None:
    cell, sample = get("lstm"), draw(get("lstm"))
    rows = None if lengths is None else torch.tensor(lengths)
    given, found = layout(sample.x), []
    d_y = layout(torch.randn(4, 6, 5, dtype=torch.float64))
    for x, d in ((given, d_y), (given.contiguous(), d_y.contiguous())):
        x = x.requires_grad_()
        y, _ = unroll(cell, CellWeights(**sample.weights), x, sample.state, lengths=rows, engine="native")
        leaves = [x, *sample.state, *sample.weights.values()]
        found.append([y.detach(), *torch.autograd.grad(y, leaves, d)])
    torch.testing.assert_close(found[0], found[1])


def test_any_layout_of_weights_and_states() -> None:
    cell, sample = get("peephole-lstm"), draw(get("peephole-lstm"))
    odd = {n: strided(w).requires_grad_() for n, w in sample.weights.items()}
    state = tuple(s.detach()[:1].expand(4, -1).requires_grad_() for s in sample.state)
    bent = Sample(odd, sample.x, state)
    assert_same(answer(cell, "native", bent), answer(cell, "reference", bent))


@every_cell
def test_recurrent_dropout_is_the_references(cell: Cell) -> None:
    sample = draw(cell)
    mask = torch.bernoulli(torch.full((4, 5), 0.5, dtype=torch.float64)) * 2
    given = {"recurrent_mask": mask, "lengths": LENGTHS}
    assert_same(answer(cell, "native", sample, **given), answer(cell, "reference", sample, **given))


# numbers that are none, and memory


@pytest.mark.parametrize("where", ["weight_ih", "weight_hh", "bias_ih", "bias_hh"])
@pytest.mark.parametrize("name", ["lstm", "gru", "rnn-relu"])
def test_nan_passes_through(name: str, where: str) -> None:
    """What is no number in a weight is none in the output and in the gradients, as with the reference."""
    sample = draw(get(name))
    with torch.no_grad():
        sample.weights[where].view(-1)[0] = torch.nan
    found, expected = (answer(get(name), engine, sample) for engine in ("native", "reference"))
    assert found["y"].isnan().any()
    for part, value in expected.items():
        torch.testing.assert_close(value.isnan(), found[part].isnan(), msg=part)


@pytest.mark.parametrize("compiled_too", [False, True], ids=["eager", "operator"])
def test_gradients_share_no_memory(compiled_too: bool) -> None:
    """Both biases of a gate have equal gradients; clipping one in place must not change the other."""
    cell, sample = get("lstm"), draw(get("lstm"))
    if compiled_too:
        made = arguments(cell, torch.float64, "x", False)
        y = torch.ops.recurra.layer(*made)[0]
        leaves = [made[1], *made[4], *made[5]]
    else:
        y, _ = unroll(cell, CellWeights(**sample.weights), sample.x, sample.state, engine="native")
        leaves = [sample.x, *sample.state, *sample.weights.values()]
    y.sum().backward()
    seen = [leaf.grad.untyped_storage().data_ptr() for leaf in leaves]
    assert len(set(seen)) == len(seen)


def test_what_backward_keeps_may_be_nan_before() -> None:
    """Nothing is read from fresh memory that was not written."""
    sample = draw(CELLS[-4], 5, 7, 3, 9)
    expected = answer(CELLS[-4], "reference", sample, lengths=[7, 1, 3, 3, 2])
    c = library.load().c
    c.recurra_fill_nan(1)
    try:
        assert_same(answer(CELLS[-4], "native", sample, lengths=[7, 1, 3, 3, 2]), expected)
    finally:
        c.recurra_fill_nan(0)
