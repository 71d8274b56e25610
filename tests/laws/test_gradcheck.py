from __future__ import annotations

import pytest
import torch

from recurra.cells.definition import Cell
from recurra.engines.request import CellWeights
from recurra.recurrence import unroll
from tests.laws.law_cases import draw, every_pair, every_pair_with_masks

LENGTHS = torch.tensor([3, 1])


def check(cell: Cell, engine: str, *, ragged: bool, reverse: bool, masked: bool = False) -> bool:
    sample = draw(cell, batch=2, time=3, inputs=2, hidden=2)
    names, count = list(sample.weights), len(cell.states)
    mask = torch.tensor([[2.0, 0.0], [0.0, 2.0]], dtype=torch.float64) if masked else None

    def run(x: torch.Tensor, *rest: torch.Tensor) -> tuple[torch.Tensor, ...]:
        weights = CellWeights(**dict(zip(names, rest[count:], strict=True)))
        y, last = unroll(
            cell,
            weights,
            x,
            rest[:count],
            lengths=LENGTHS if ragged else None,
            reverse=reverse,
            recurrent_mask=mask,
            engine=engine,
        )
        return y, *last

    return torch.autograd.gradcheck(run, (sample.x, *sample.state, *sample.weights.values()), fast_mode=True)


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@every_pair
def test_gradients_are_those_of_finite_differences(cell: Cell, engine: str, reverse: bool) -> None:
    assert check(cell, engine, ragged=reverse, reverse=reverse)


@every_pair_with_masks
def test_with_a_recurrent_mask(cell: Cell, engine: str) -> None:
    assert check(cell, engine, ragged=True, reverse=True, masked=True)
