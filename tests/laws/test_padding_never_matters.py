"""What stands past a row's end, how long the batch is and who else is in it."""

from __future__ import annotations

import pytest
import torch

from recurra.cells.definition import Cell
from recurra.engines.request import CellWeights, Embedded
from recurra.recurrence import unroll
from tests.laws.law_cases import answer, assert_same, draw, every_pair

LENGTHS = [6, 1, 4, 5]
BOTH_WAYS = pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
PADS = torch.arange(6) >= torch.tensor(LENGTHS)[:, None]
JUNK = {"nan": float("nan"), "inf": float("inf"), "-inf": float("-inf"), "large": 1e30, "some": 0.7}


@BOTH_WAYS
@every_pair
def test_junk_in_the_padding(cell: Cell, engine: str, reverse: bool) -> None:
    for dtype in (torch.float32, torch.float64):
        sample = draw(cell, dtype=dtype)
        zeros = sample.with_x(sample.x.detach().masked_fill(PADS[..., None], 0))
        clean = answer(cell, engine, zeros, lengths=LENGTHS, reverse=reverse)
        for name, junk in list(JUNK.items())[:: 1 if dtype == torch.float32 else 3]:
            dirty = sample.with_x(sample.x.detach().masked_fill(PADS[..., None], junk))
            found = answer(cell, engine, dirty, lengths=LENGTHS, reverse=reverse)
            assert_same(found, clean, exact=True)
            assert not found["d x"][PADS].any(), name
            assert not found["y"][PADS].any(), name


@BOTH_WAYS
@every_pair
def test_a_longer_batch(cell: Cell, engine: str, reverse: bool) -> None:
    sample = draw(cell)
    longer = sample.with_x(torch.cat([sample.x.detach(), torch.full((4, 9, 3), float("nan"), dtype=torch.float64)], 1))
    found = answer(cell, engine, longer, lengths=LENGTHS, reverse=reverse)
    for name in ("y", "d x"):
        assert not found[name][:, 6:].any()
        found[name] = found[name][:, :6]
    assert_same(found, answer(cell, engine, sample, lengths=LENGTHS, reverse=reverse))


@BOTH_WAYS
@every_pair
def test_a_row_alone_equals_the_row_in_a_batch(cell: Cell, engine: str, reverse: bool) -> None:
    for dtype in (torch.float32, torch.float64):
        sample = draw(cell, dtype=dtype)
        batch = answer(cell, engine, sample, lengths=LENGTHS, reverse=reverse)
        of_rows = {n: torch.zeros_like(v) for n, v in batch.items()}
        for i, length in enumerate(LENGTHS):
            alone = answer(cell, engine, sample.row(i, length), reverse=reverse)
            for name, value in alone.items():
                if name.removeprefix("d ") in sample.weights:
                    of_rows[name] += value
                else:
                    of_rows[name][i].view(-1)[: value.numel()] = value.flatten()
        assert_same(batch, of_rows)


@every_pair
def test_tokens_in_the_padding(cell: Cell, engine: str) -> None:
    sample = draw(cell)
    table = torch.randn(9, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).requires_grad_()
    tokens = torch.arange(24).reshape(4, 6) % 8
    weights, lengths = CellWeights(**sample.weights), torch.tensor(LENGTHS)
    answers = []
    for pad in (0, 8):
        given = Embedded(tokens.masked_fill(PADS, pad), table)
        y, last = unroll(cell, weights, given, sample.state, lengths=lengths, engine=engine)
        (d_table,) = torch.autograd.grad(y.square().sum() + last[-1].sum(), table)
        answers.append((y, *last, d_table))
    for one, other in zip(*answers, strict=True):
        assert torch.equal(one, other)
    assert not answers[1][-1][8].any()


@every_pair
def test_what_would_grow_past_the_rows_ends_does_not_reach_the_gradient(cell: Cell, engine: str) -> None:
    """A recurrent weight of 2 doubles a relu's state at every step of padding: 2^137 is more than a float32 holds."""
    sample = draw(cell, batch=2, time=140, dtype=torch.float32)
    if "weight_hh" in sample.weights:
        gates = len(cell.layout()["weight_hh"])
        sample.weights["weight_hh"] = (2 * torch.eye(5)).repeat(gates, 1).requires_grad_()
    found = answer(cell, engine, sample, lengths=[2, 3])
    expected = answer(cell, engine, sample.with_x(sample.x.detach()[:, :3]), lengths=[2, 3])
    for name in ("y", "d x"):
        found[name] = found[name][:, :3]
    assert_same(found, expected)
