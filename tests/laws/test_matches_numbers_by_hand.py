"""One unit, one input, two steps, on paper: sigmoid(ln 3) = 3/4, tanh(ln(3)/2) = 1/2, tanh(ln(2)/2) = 1/3."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction as F
from math import log, tanh

import pytest
import torch

from recurra.cells.catalogue import BUILT_IN
from recurra.engines.request import CellWeights
from recurra.recurrence import unroll
from tests.laws.law_cases import PAIRS

HALF, LN2, LN3 = F(1, 2), log(2), log(3)


@dataclass(frozen=True)
class OnPaper:
    """weights: by stored name, one number a gate in the gates' order, biases 0 where left out; y: of each step."""

    x: list[float]
    start: list[float]
    y: list[float | F]
    last: list[float | F]
    weights: dict[str, list[float]] = field(default_factory=dict)


PAPER = {
    # h = tanh(ln3/2) = 1/2; then tanh(ln2 * 1/2) = 1/3
    "rnn": OnPaper([1, 0], [0], [HALF, F(1, 3)], [F(1, 3)], {"weight_ih": [LN3 / 2], "weight_hh": [LN2]}),
    # h = relu(2*1 + 3*1/2 - 1 + 1/2) = 3; then relu(-2*5 + 9 - 1/2) = 0
    "rnn-relu": OnPaper(
        [1, -5],
        [0.5],
        [F(3), F(0)],
        [F(0)],
        {"weight_ih": [2], "weight_hh": [3], "bias_ih": [-1], "bias_hh": [0.5]},
    ),
    # gates i, f, g, o; c0 = ln3 - 1/2
    # i = f = o = 1/2, g = tanh(ln3/2) = 1/2: c = (ln3 - 1/2)/2 + 1/4 = ln3/2, h = 1/2 * 1/2 = 1/4
    # i = sigmoid(4 ln3 / 4) = 3/4, f = o = 1/2, g = tanh(2 ln3 / 4) = 1/2: c = ln3/4 + 3/8
    "lstm": OnPaper(
        [1, 0],
        [0, LN3 - 0.5],
        [F(1, 4), tanh(LN3 / 4 + 3 / 8) / 2],
        [tanh(LN3 / 4 + 3 / 8) / 2, LN3 / 4 + 3 / 8],
        {"weight_ih": [0, 0, LN3 / 2, 0], "weight_hh": [4 * LN3, 0, 2 * LN3, 0]},
    ),
    # gates i, f, g, o; peepholes i, f, o. c0 = 1
    # i = sigmoid(ln3 * 1) = 3/4, f = sigmoid(-ln3 * 1) = 1/4, g = 0: c = 1/4; o = sigmoid(4 ln3 * 1/4) = 3/4
    # i = sigmoid(ln3 / 4), f = 1 - i, g = tanh(ln3/2) = 1/2: c = f/4 + i/2, o = sigmoid(4 ln3 * c)
    "peephole-lstm": OnPaper(
        [0, 1],
        [0, 1],
        [0.75 * tanh(1 / 4), tanh(c := (1 + (i := 3**0.25 / (1 + 3**0.25))) / 4) / (1 + 3 ** (-4 * c))],
        [tanh(c) / (1 + 3 ** (-4 * c)), (1 - i) / 4 + i / 2],
        {"weight_ih": [0, 0, LN3 / 2, 0], "weight_hh": [0] * 4, "weight_ph": [LN3, -LN3, 4 * LN3]},
    ),
    # gates i, g, o; f = 1 - i. i = 3/4, g = 1/2, o = 1/2: c = 1/4 * (2 ln3 - 3/2) + 3/8 = ln3/2, h = 1/4
    # x = 0: i = 1/2, g = tanh(2 ln3 / 4) = 1/2, o = 1/2: c = ln3/4 + 1/4
    "coupled-lstm": OnPaper(
        [1, 0],
        [0, 2 * LN3 - 1.5],
        [F(1, 4), tanh(LN3 / 4 + 1 / 4) / 2],
        [tanh(LN3 / 4 + 1 / 4) / 2, LN3 / 4 + 1 / 4],
        {"weight_ih": [LN3, LN3 / 2, 0], "weight_hh": [0, 2 * LN3, 0]},
    ),
    # gates r, z, n; h0 = 1. r = 3/4, z = 1/2, n = tanh(1/4 ln3 + 3/4 * (2/3 - 1/3) ln3) = 1/2: h = 1/4 + 1/2 = 3/4
    # x = 0: r = z = 1/2, n = tanh(1/2 * (2/3 * 3/4 - 1/3) ln3) = tanh(ln3/12): h = n/2 + 3/8
    "gru": OnPaper(
        [1, 0],
        [1],
        [F(3, 4), tanh(LN3 / 12) / 2 + 3 / 8],
        [tanh(LN3 / 12) / 2 + 3 / 8],
        {"weight_ih": [LN3, 0, LN3 / 4], "weight_hh": [0, 0, LN3 * 2 / 3], "bias_hh": [0, 0, -LN3 / 3]},
    ),
    # gates r, z, n; h0 = 1. r = 3/4, z = 3/4, n = tanh(2/3 ln3 * 3/4) = 1/2: h = 3/4 + 1/8 = 7/8
    # x = 0: r = z = 1/2, n = tanh(2/3 ln3 * 7/16): h = 7/16 + n/2
    "gru-cho": OnPaper(
        [1, 0],
        [1],
        [F(7, 8), 7 / 16 + tanh(LN3 * 7 / 24) / 2],
        [7 / 16 + tanh(LN3 * 7 / 24) / 2],
        {"weight_ih": [LN3, LN3, 0], "weight_hh": [0, 0, LN3 * 2 / 3]},
    ),
    # gates f, n; h0 = 1. f = 3/4, n = tanh(2/3 ln3 * 3/4) = 1/2: h = 1/4 + 3/8 = 5/8
    # x = 0: f = 1/2, n = tanh(2/3 ln3 * 5/16): h = 5/16 + n/2
    "minimal-gru": OnPaper(
        [1, 0],
        [1],
        [F(5, 8), 5 / 16 + tanh(LN3 * 5 / 24) / 2],
        [5 / 16 + tanh(LN3 * 5 / 24) / 2],
        {"weight_ih": [LN3, 0], "weight_hh": [0, LN3 * 2 / 3]},
    ),
}
BUILT_IN_PAIRS = [(cell, engine) for cell, engine in PAIRS if cell in BUILT_IN]


def test_every_built_in_cell_was_worked_out() -> None:
    assert set(PAPER) == {cell.name for cell in BUILT_IN}


@pytest.mark.parametrize(("cell", "engine"), BUILT_IN_PAIRS, ids=[f"{c.name}-{e}" for c, e in BUILT_IN_PAIRS])
def test_matches_numbers_by_hand(cell, engine: str) -> None:
    paper = PAPER[cell.name]
    weights = {}
    for stored, shape in cell.shapes(1, 1).items():
        numbers = paper.weights.get(stored, [0.0] * shape[0])
        weights[stored] = torch.tensor(numbers, dtype=torch.float64).reshape(shape)
    x = torch.tensor(paper.x, dtype=torch.float64).reshape(1, -1, 1)
    start = tuple(torch.tensor([[s]], dtype=torch.float64) for s in paper.start)
    y, last = unroll(cell, CellWeights(**weights), x, start, engine=engine)
    assert y.flatten().tolist() == pytest.approx([float(v) for v in paper.y], abs=1e-14)
    assert [s.item() for s in last] == pytest.approx([float(v) for v in paper.last], abs=1e-14)
