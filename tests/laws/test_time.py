"""Steps, chunks, directions and last states."""

from __future__ import annotations

import pytest
import torch

from recurra.cells.definition import Cell
from recurra.engines.request import CellWeights
from recurra.recurrence import unroll
from tests.laws.law_cases import answer, assert_same, draw, every_pair, gradients

LENGTHS = [6, 1, 4, 5]


def in_chunks(cell: Cell, engine: str, cuts: list[int]) -> dict[str, torch.Tensor]:
    """A run in pieces of these lengths, the state carried and not detached."""
    sample = draw(cell)
    state, outputs = sample.state, []
    for piece in sample.x.split(cuts, 1):
        y, state = unroll(cell, CellWeights(**sample.weights), piece, state, engine=engine)
        outputs.append(y)
    results = {"y": torch.cat(outputs, 1)} | {f"last {n}": s for n, s in zip(cell.states, state, strict=True)}
    return gradients(sample, results)


@pytest.mark.parametrize("cuts", [[1] * 6, [2, 4], [3, 1, 2]], ids=str)
@every_pair
def test_chunks_equal_one_run(cell: Cell, engine: str, cuts: list[int]) -> None:
    assert_same(in_chunks(cell, engine, cuts), answer(cell, engine, draw(cell)))


@every_pair
def test_a_detached_state_stops_the_gradient_and_nothing_else(cell: Cell, engine: str) -> None:
    sample = draw(cell)
    weights = CellWeights(**sample.weights)
    _, middle = unroll(cell, weights, sample.x[:, :3], sample.state, engine=engine)
    y, _ = unroll(cell, weights, sample.x[:, 3:], tuple(s.detach() for s in middle), engine=engine)
    whole, _ = unroll(cell, weights, sample.x, sample.state, engine=engine)
    torch.testing.assert_close(y, whole[:, 3:], rtol=1e-10, atol=1e-11)
    (d_x,) = torch.autograd.grad(y.sum(), sample.x)
    assert not d_x[:, :3].any()
    assert d_x[:, 3:].any()


@every_pair
def test_reverse_is_each_row_flipped_by_hand(cell: Cell, engine: str) -> None:
    sample = draw(cell)
    found = answer(cell, engine, sample, lengths=LENGTHS, reverse=True)
    places = torch.arange(6).repeat(4, 1)
    for i, length in enumerate(LENGTHS):
        places[i, :length] = places[i, :length].flip(0)
    places = places.unsqueeze(-1)
    x = sample.x.gather(1, places.expand_as(sample.x))
    y, last = unroll(cell, CellWeights(**sample.weights), x, sample.state, lengths=torch.tensor(LENGTHS), engine=engine)
    turned = {"y": y.gather(1, places.expand_as(y))} | {f"last {n}": s for n, s in zip(cell.states, last, strict=True)}
    assert_same(found, gradients(sample, turned))


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@every_pair
def test_the_last_state_is_of_the_rows_own_last_step(cell: Cell, engine: str, reverse: bool) -> None:
    sample = draw(cell)
    found = answer(cell, engine, sample, lengths=LENGTHS, reverse=reverse)
    for i, length in enumerate(LENGTHS):
        assert not found["y"][i, length:].any()
        assert torch.equal(found[f"last {cell.states[0]}"][i], found["y"][i, 0 if reverse else length - 1])
        alone = answer(cell, engine, sample.row(i, length), reverse=reverse)
        for name in cell.states:
            torch.testing.assert_close(found[f"last {name}"][i], alone[f"last {name}"][0], rtol=1e-10, atol=1e-11)


@every_pair
def test_lengths_of_all_steps_are_no_lengths(cell: Cell, engine: str) -> None:
    sample = draw(cell)
    for reverse in (False, True):
        full = answer(cell, engine, sample, lengths=[6] * 4, reverse=reverse)
        assert_same(full, answer(cell, engine, sample, reverse=reverse), exact=True)
