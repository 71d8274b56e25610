"""Heads: an engine that multiplies their blocks alone answers as one that multiplies whole matrices with zeros."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from recurra.cells.catalogue import get
from recurra.cells.definition import Cell
from recurra.engines.heads import block_diagonal
from recurra.engines.native import library
from recurra.engines.request import CellWeights, Embedded
from recurra.errors import UsageError
from recurra.recurrence import stream, unroll
from tests.fuzz.engine_checks import using
from tests.laws.law_cases import PAIRS, Answer, Sample, answer, assert_same, draw, gradients

WITH_HEADS = [(c, e) for c, e in PAIRS if "weight_hh" in c.layout() and "weight_hr" not in c.layout()]

SIZES = [(12, 3), (20, 4), (33, 3), (35, 7), (64, 2), (96, 3)]
"""Units and heads: blocks narrower and wider than a panel of the kernel, even and odd, some across panels' ends."""

VARIANTS = sorted(set(library.variants()) | set(library.emulated()))


def whole(sample: Sample, heads: int) -> tuple[Sample, Sample]:
    """A sample with blocks, and the same with zeros between them."""
    gates = sample.weights["weight_hh"].shape[0] // sample.weights["weight_hh"].shape[1]
    units = sample.weights["weight_hh"].shape[1]
    blocks = sample.weights["weight_hh"].detach()[:, : units // heads].clone().requires_grad_()
    assert blocks.shape[0] == gates * units
    narrow = Sample({**sample.weights, "weight_hh": blocks}, sample.x, sample.state)
    dense = block_diagonal(blocks.detach(), heads).requires_grad_()
    return narrow, Sample({**sample.weights, "weight_hh": dense}, sample.x, sample.state)


def with_heads(
    cell: Cell, engine: str, sample: Sample, heads: int, *, lengths: list[int] | None = None, reverse: bool = False
) -> Answer:
    y, last = unroll(
        cell,
        CellWeights(**sample.weights, heads=heads),
        sample.x,
        sample.state,
        lengths=None if lengths is None else torch.tensor(lengths),
        reverse=reverse,
        engine=engine,
    )
    return gradients(sample, {"y": y} | {f"last {n}": s for n, s in zip(cell.states, last, strict=True)})


def of_blocks(found: Tensor, heads: int) -> Tensor:
    """What of a dense gradient [G*H, H] is that of the blocks [G*H, H/heads]."""
    units = found.shape[1]
    size = units // heads
    rows = found.view(-1, heads, size, heads, size)
    return torch.stack([rows[:, e, :, e] for e in range(heads)], 1).reshape(-1, size)


def expected(cell: Cell, sample: Sample, heads: int, lengths: list[int] | None, *, reverse: bool) -> Answer:
    found = answer(cell, "reference", sample, lengths=lengths, reverse=reverse)
    found["d weight_hh"] = of_blocks(found["d weight_hh"], heads)
    return found


@pytest.mark.parametrize(("cell", "engine"), WITH_HEADS, ids=[f"{c.name}-{e}" for c, e in WITH_HEADS])
def test_every_engine_equals_a_dense_matrix_with_zeros(cell: Cell, engine: str) -> None:
    narrow, dense = whole(draw(cell, 3, 4, hidden=6), 3)
    found = with_heads(cell, engine, narrow, 3, lengths=[4, 2, 3], reverse=True)
    assert_same(found, expected(cell, dense, 3, [4, 2, 3], reverse=True))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("hidden", "heads"), SIZES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_blocks_of_every_size(hidden: int, heads: int, dtype: torch.dtype, variant: str) -> None:
    cell = get("slstm" if heads % 2 else "gru")
    narrow, dense = whole(draw(cell, 7, 3, hidden=hidden, dtype=dtype), heads)
    with using(variant, threads=2):
        found = with_heads(cell, "native", narrow, heads)
    assert_same(found, expected(cell, dense, heads, None, reverse=False))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("heads", [3, 64])
def test_threads_that_share_units_and_those_that_share_rows(heads: int, variant: str) -> None:
    cell = get("lstm")
    for batch in (1, 11):
        narrow, dense = whole(draw(cell, batch, 3, hidden=192), heads)
        law = expected(cell, dense, heads, None, reverse=False)
        for threads in (1, 2, 3):
            with using(variant, threads):
                assert_same(with_heads(cell, "native", narrow, heads), law)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("hidden", "heads"), SIZES)
def test_products_of_bfloat16(hidden: int, heads: int, variant: str) -> None:
    cell = get("lstm")
    narrow, dense = whole(draw(cell, 5, 3, hidden=hidden, dtype=torch.float32), heads)
    with using(variant, threads=1), torch.autocast("cpu", torch.bfloat16):
        found = with_heads(cell, "native", narrow, heads)
        law = answer(cell, "native", dense)
    law["d weight_hh"] = of_blocks(law["d weight_hh"], heads)
    for name, value in found.items():
        torch.testing.assert_close(value, law[name], rtol=0, atol=1e-2 * float(law[name].abs().max()))


def test_tokens_streams_and_second_derivatives() -> None:
    cell, heads = get("gru"), 3
    narrow, dense = whole(draw(cell, 2, 5, hidden=12), heads)
    table, tokens = torch.randn(4, 3, dtype=torch.float64), torch.tensor([[0, 3, 1, 1, 2], [2, 2, 0, 3, 3]])
    results = []
    for sample, number in ((narrow, heads), (dense, 1)):
        weights = CellWeights(**sample.weights, heads=number)
        y, _ = unroll(cell, weights, Embedded(tokens, table), engine="native")
        (once,) = torch.autograd.grad((y * y).sum(), weights.weight_ih, create_graph=True)
        (twice,) = torch.autograd.grad((once * once).sum(), weights.weight_ih)
        steps = stream(cell, weights, sample.state, engine="native")
        stepped = torch.stack([steps.step(sample.x[:, t].detach()).clone() for t in range(5)])
        results.append((y.detach(), once.detach(), twice, stepped))
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other)


def test_heads_that_cannot_be_are_named() -> None:
    sample = draw(get("gru"), hidden=6)
    with pytest.raises(UsageError, match="heads must be a whole number that divides hidden_size = 6, got 4"):
        unroll(get("gru"), CellWeights(**sample.weights, heads=4), sample.x)
    with pytest.raises(UsageError, match="heads=2 divide what a recurrent product maps; sru has no such product"):
        unroll(get("sru"), CellWeights(**draw(get("sru"), hidden=6).weights, heads=2), sample.x)
