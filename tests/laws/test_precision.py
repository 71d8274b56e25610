"""Types other than float32: autocast, whole layers in another type."""

from __future__ import annotations

import torch

from recurra.cells.definition import Cell
from recurra.engines.request import CellWeights
from recurra.layers.stack import Stack
from recurra.recurrence import unroll
from tests.laws.law_cases import answer, draw, every_cell, every_pair, gradients

LENGTHS = torch.tensor([6, 1, 4, 5])
CLOSE = 2e-2
"""bf16 has 8 bits: 4e-3 for each number, summed and carried over six steps and two layers."""

PART_CLOSE = 3e-2
"""Of a part's norm. Twice that where torch's operations, which round one by one, run a cell with products in a row."""

NORMALISED = 5
"""So many times as much where sums are divided by their deviation over the units, which is 0.1 to 0.3 here; three
times that where torch's operations round each step of it."""


def close(cell: Cell, engine: str) -> float:
    divided = any(node.op == "spread" for node in cell.program().nodes)
    return CLOSE * (NORMALISED * (3 if engine == "reference" else 1) if divided else 1)


def stack(cell: Cell, engine: str) -> tuple[Stack, torch.Tensor]:
    torch.manual_seed(2)
    return Stack(3, 5, 2, cell=cell, bidirectional=True, engine=engine), torch.randn(4, 6, 3)


@every_pair
def test_under_autocast(cell: Cell, engine: str) -> None:
    layer, x = stack(cell, engine)
    y, last = layer(x, lengths=LENGTHS)
    with torch.autocast("cpu", torch.bfloat16):
        y16, last16 = layer(x, lengths=LENGTHS)
        from_below, _ = layer(x.bfloat16(), lengths=LENGTHS)
        step, _ = layer(x[:, :1], last16)
    assert y16.dtype in (torch.bfloat16, torch.float32)
    assert [s.dtype for s in last16] == [torch.float32] * len(last), "a state is carried in the weights' type"
    for one, other in zip((y, y, *last), (y16, from_below, *last16), strict=True):
        torch.testing.assert_close(other.float(), one, rtol=close(cell, engine), atol=close(cell, engine))
    assert step.isfinite().all()
    (y16.float().sum() + sum(s.sum() for s in last16)).backward()
    for name, parameter in layer.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.dtype == torch.float32
        assert parameter.grad.isfinite().all(), name


@every_pair
def test_gradients_under_autocast(cell: Cell, engine: str) -> None:
    layer, x = stack(cell, engine)
    found = []
    for enabled in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            y, _ = layer(x, lengths=LENGTHS)
        found.append(torch.autograd.grad(y.float().square().mean(), list(layer.parameters())))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(other, one, rtol=0, atol=close(cell, engine) * float(one.abs().max()) + 1e-4)


@every_pair
def test_autocast_is_close_part_by_part(cell: Cell, engine: str) -> None:
    """Outputs, states and every gradient, each by its norm, beside the reference in float32."""
    sample = draw(cell, dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        y, last = unroll(cell, CellWeights(**sample.weights), sample.x, sample.state, engine=engine)
    found = gradients(sample, {"y": y} | {f"last {n}": s for n, s in zip(cell.states, last, strict=True)})
    due = answer(cell, "reference", sample)
    for name, expected in due.items():
        size = (
            due["d weight_ih"].norm() if name == "d weight_k" else expected.norm()
        )  # a sum over all units, of both signs
        error = (found[name].float() - expected).norm() / size.clamp(min=1e-6)
        assert error < PART_CLOSE * close(cell, engine) / CLOSE * (
            2 if (cell.name, engine) == ("output-first", "reference") else 1
        ), f"{name}: {error}"
        assert name == "y" or found[name].dtype == torch.float32, name


@every_pair
def test_a_layer_in_bf16(cell: Cell, engine: str) -> None:
    layer, x = stack(cell, engine)
    y, last = layer(x, lengths=LENGTHS)
    y16, last16 = layer.bfloat16()(x.bfloat16(), lengths=LENGTHS)
    assert {v.dtype for v in (y16, *last16)} == {torch.bfloat16}
    for one, other in zip((y, *last), (y16, *last16), strict=True):
        torch.testing.assert_close(other.float(), one, rtol=close(cell, engine), atol=close(cell, engine))


@every_pair
def test_a_layer_in_float64(cell: Cell, engine: str) -> None:
    layer, x = stack(cell, engine)
    y, last = layer(x, lengths=LENGTHS)
    y64, last64 = layer.double()(x.double(), lengths=LENGTHS)
    assert {v.dtype for v in (y64, *last64)} == {torch.float64}
    for one, other in zip((y, *last), (y64, *last64), strict=True):
        torch.testing.assert_close(other.float(), one, rtol=1e-5, atol=1e-6)


@every_cell
def test_orthogonal_weights_in_bf16(cell: Cell) -> None:
    layer = Stack(3, 5, cell=cell, init="orthogonal", dtype=torch.bfloat16)
    assert all(p.dtype == torch.bfloat16 and p.isfinite().all() for p in layer.parameters())
