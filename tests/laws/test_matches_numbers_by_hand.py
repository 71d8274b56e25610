"""One unit (two where units see each other), one input, two steps, on paper.

sigmoid(ln 3) = 3/4, tanh(ln(3)/2) = 1/2, tanh(ln(2)/2) = 1/3."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction as F
from math import e, log, prod, sqrt, tanh

import pytest
import torch

from recurra.cells.catalogue import BUILT_IN
from recurra.engines.request import CellWeights
from recurra.recurrence import unroll
from tests.laws.law_cases import PAIRS

HALF, LN2, LN3 = F(1, 2), log(2), log(3)


@dataclass(frozen=True)
class OnPaper:
    """weights: by stored name, one number a gate in the gates' order, biases 0 where left out; y: of each step.
    With two units, numbers of both one after the other, of a matrix row by row."""

    x: list[float]
    start: list[float]
    y: list[float | F]
    last: list[float | F]
    weights: dict[str, list[float]] = field(default_factory=dict)
    units: int = 1


def unit(a: float) -> float:
    """What (a, -a) begins with when it is normalised."""
    return a / sqrt(a * a + 1e-5)


def sigmoid_of_ln3_times(a: float) -> float:
    return 3**a / (1 + 3**a)


PAPER = {
    # h = relu(2 + 3 - 1) = 4; then relu(-14 + 12 - 1) = 0
    "indrnn": OnPaper([1, -7], [1], [F(4), F(0)], [F(0)], {"weight_ih": [2], "weight_ph": [3], "bias_ih": [-1]}),
    # gates i, f, g, o; scales i, f, g, o, c; the first unit's gain makes its normalised 1 to ln3
    # i = (3/4, 1/2), f = o = 1/2, g = (1/2, -1/2): c = (3/8, -1/4), 5/16 from their mean; h = tanh(ln3/2)/2 = 1/4, 0
    # R.g h = (1, -1): g = (1/2, -1/2), i = f = o = 1/2: c = (7/16, -3/8), 13/32 from their mean
    "lstm-layernorm": OnPaper(
        [1, 0],
        [0, 0, 0, 0],
        [F(1, 4), F(0), tanh(LN3 / 2 * unit(13 / 32) / unit(5 / 16)) / 2, F(0)],
        [tanh(LN3 / 2 * unit(13 / 32) / unit(5 / 16)) / 2, F(0), F(7, 16), F(-3, 8)],
        {
            "weight_ih": [1, -1, 0, 0, 1, -1, 0, 0],
            "weight_hh": [*[0] * 8, 4, 0, -4, 0, *[0] * 4],
            "weight_sh": [
                *(LN3 / unit(1), 0),
                *(1, 1),
                *(LN3 / 2 / unit(1),) * 2,
                *(1, 1),
                *(LN3 / 2 / unit(5 / 16), 0),
            ],
        },
        units=2,
    ),
    # as the LSTM, and the projection doubles: h = 2 * 1/4; with half the weights of R the gates are the LSTM's
    "lstm-projected": OnPaper(
        [1, 0],
        [0, LN3 - 0.5],
        [F(1, 2), tanh(LN3 / 4 + 3 / 8)],
        [tanh(LN3 / 4 + 3 / 8), LN3 / 4 + 3 / 8],
        {"weight_ih": [0, 0, LN3 / 2, 0], "weight_hh": [2 * LN3, 0, LN3, 0], "weight_hr": [2]},
    ),
    # gates i, f, z, o. x = 1: i~ = ln2, log f = -ln2, so m = ln2, f' = 1/4, i' = 1, z = 1/2, o = 3/4: c = 1/2, n = 1
    # x = 0: i~ = -ln2, m = max(ln2 - ln2, -ln2) = 0, f' = 1, i' = 1/2, z = 1/2, o = 1/2: c = 3/4, n = 3/2
    "slstm": OnPaper(
        [1, 0],
        [0, 0, 0, 0],
        [F(3, 8), F(1, 4)],
        [F(1, 4), F(3, 4), F(3, 2), F(0)],
        {"weight_ih": [LN2, 0, LN3 / 2, LN3], "weight_hh": [-LN2 * 8 / 3, 0, LN3 * 4 / 3, 0]},
    ),
    # gates f, g. h0 = 1. a = ln3: f = 3/4, 1 - sigmoid(ln3 - 1) = e/(3 + e), g = 1/2
    # a = 0: f = 1/2, 1 - sigmoid(-1) = e/(1 + e), g = tanh(2 ln3 h)
    "janet": OnPaper(
        [1, 0],
        [1],
        [j := 3 / 4 + e / (3 + e) / 2, j / 2 + e / (1 + e) * tanh(2 * LN3 * j)],
        [j / 2 + e / (1 + e) * tanh(2 * LN3 * j)],
        {"weight_ih": [LN3, -LN3 * 3 / 2], "weight_hh": [0, 2 * LN3]},
    ),
    # W r, z, n; R r, z, m; scales r, rh, z, zh, n, m. h0 = (1, -1), which R.m leaves as it is
    # r = (3/4, 1/2), z = 1/2, n = (tanh(ln3/4 + 3/4 ln3/3), tanh(-ln3/2)) = (1/2, -1/2): h = (3/4, -3/4)
    # x = 0: r = z = 1/2, n = (tanh(ln3/6 q), tanh(-ln3/2 q)), q how 3/4 is normalised, by how 1 is
    "gru-layernorm": OnPaper(
        [1, 0],
        [1, -1],
        [
            F(3, 4),
            F(-3, 4),
            tanh(LN3 / 6 * (q := unit(3 / 4) / unit(1))) / 2 + 3 / 8,
            -tanh(LN3 / 2 * q) / 2 - 3 / 8,
        ],
        [tanh(LN3 / 6 * q) / 2 + 3 / 8, -tanh(LN3 / 2 * q) / 2 - 3 / 8],
        {
            "weight_ih": [1, -1, 0, 0, 1, -1],
            "weight_hh": [*[0] * 8, 1, 0, 0, 1],
            "weight_sh": [
                *(LN3 / unit(1), 0),
                *(1, 1),
                *(1, 1),
                *(1, 1),
                *(LN3 / 4 / unit(1), 0),
                *(LN3 / 3 / unit(1), LN3 / unit(1)),
            ],
        },
        units=2,
    ),
    # one a for gate and candidate; sigmoid(zeta) = 3/4, sigmoid(nu) = 1/2. h0 = 1
    # a = ln3/2: z = 3/4, n = 1/2: h = (3/16 + 1/2)/2 + 3/4 = 35/32. x = 0: a = ln3/4 * 35/32
    "fast-grnn": OnPaper(
        [1, 0],
        [1],
        [
            F(35, 32),
            (5 / 4 - 3 / 4 * (z := sigmoid_of_ln3_times(35 / 128 + 1 / 2))) * tanh(LN3 * 35 / 128) + z * 35 / 32,
        ],
        [(5 / 4 - 3 / 4 * z) * tanh(LN3 * 35 / 128) + z * 35 / 32],
        {"weight_ih": [LN3 / 4], "weight_hh": [LN3 / 4], "bias_ih": [LN3 / 2, 0], "weight_k": [LN3, 0]},
    ),
    # gates g, c. h0 = 1. g = 3/4, c = tanh(ln3/4 + ln3/4) = 1/2: h = 7/8; x = 0: g = 1/2, c = tanh(ln3/4 * 7/8)
    "ugrnn": OnPaper(
        [1, 0],
        [1],
        [F(7, 8), 7 / 16 + tanh(LN3 * 7 / 32) / 2],
        [7 / 16 + tanh(LN3 * 7 / 32) / 2],
        {"weight_ih": [LN3, LN3 / 4], "weight_hh": [0, LN3 / 4]},
    ),
    # gates u, n, gy, gh and the input's y. h0 = 1. u = relu(1 + 1) = 2, n = 1/2, gy = 3/4, gh = 1/2:
    # y = 3/4 * 4 + 1/4 * 2 = 7/2, h = 3/4; x = 0: u = 3/4, n = 0, gy = gh = 1/2: y = h = 3/8
    "intersection-rnn": OnPaper(
        [1, 0],
        [7, 1],
        [F(7, 2), F(3, 8)],
        [F(3, 8), F(3, 8)],
        {"weight_ih": [1, LN3 / 2, LN3, 0, 4], "weight_hh": [1, 0, 0, 0]},
    ),
    # gates z, n. h0 = 1. z = 3/4, n = 2: h = 1/4 + 3/2; x = 0: z = 1/2, n = 0
    "min-gru": OnPaper([1, 0], [1], [F(7, 4), F(7, 8)], [F(7, 8)], {"weight_ih": [LN3, 2]}),
    # gates f, i, n. h0 = 1. f = 3/4, i = 1/2, n = 3: h = (3/4 + 3/2) / (5/4) = 9/5; x = 0: f = i = 1/2, n = 0
    "min-lstm": OnPaper([1, 0], [1], [F(9, 5), F(9, 10)], [F(9, 10)], {"weight_ih": [LN3, 0, 3]}),
    # W f, r, c, h; peepholes f, r. c0 = 1. f = 3/4, r = sigmoid(2 ln3 - ln3) = 3/4: c = 3/4 + 1/4 * 2 = 5/4,
    # h = 3/4 * 5/4 + 1/4 * 1 = 19/16; x = 0: f = sigmoid(5/4 ln3), r = 1 - f, c = 5/4 f, h = r c
    "sru": OnPaper(
        [1, 0],
        [5, 1],
        [F(19, 16), (1 - (f := sigmoid_of_ln3_times(5 / 4))) * f * 5 / 4],
        [(1 - f) * f * 5 / 4, f * 5 / 4],
        {"weight_ih": [0, 2 * LN3, 2, 1], "weight_ph": [LN3, -LN3]},
    ),
    # gates z, f, o. c0 = 1. z = 1/2, f = 3/4, o = 1/2: c = 7/8; x = 0: z = 0, f = o = 1/2
    "qrnn": OnPaper([1, 0], [0, 1], [F(7, 16), F(7, 32)], [F(7, 32), F(7, 16)], {"weight_ih": [LN3 / 2, LN3, 0]}),
    # W r, i, v. h0 = 1. r = 1/2, and 4 softplus(decay) = ln(5/3): a = 3/5, sqrt(1 - a^2) = 4/5, i = 3/4, v = 2:
    # h = 3/5 + 4/5 * 3/2 = 9/5; x = 0: v = 0, h = 3/5 * 9/5
    "rg-lru": OnPaper(
        [1, 0],
        [1],
        [F(9, 5), F(27, 25)],
        [F(27, 25)],
        {"weight_ih": [0, LN3, 2], "weight_ph": [log((5 / 3) ** 0.25 - 1)]},
    ),
    # rate 1/2. h0 = ln3/2. h = ln3/2 + (3 + 2 * 1/2 - ln3/2)/2 = ln3/4 + 2; x = 0: h/2 + tanh(h)
    "ctrnn": OnPaper(
        [1, 0],
        [LN3 / 2],
        [LN3 / 4 + 2, LN3 / 8 + 1 + tanh(LN3 / 4 + 2)],
        [LN3 / 8 + 1 + tanh(LN3 / 4 + 2)],
        {"weight_ih": [3], "weight_hh": [2]},
    ),
    # gates f, g, n. t = sigmoid(-ln3) = 1/4, g = 1/2, n = -1/2: h = 1/8 - 3/8; x = 0: t = 1/2, g = tanh(ln3/2), n = 0
    "cfc": OnPaper(
        [1, 0],
        [0],
        [F(-1, 4), F(1, 4)],
        [F(1, 4)],
        {"weight_ih": [LN3, LN3 / 2, -LN3 / 2], "weight_hh": [0, -2 * LN3, 0]},
    ),
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
    for stored, shape in cell.shapes(1, paper.units).items():
        numbers = paper.weights.get(stored, [0.0] * prod(shape))
        weights[stored] = torch.tensor(numbers, dtype=torch.float64).reshape(shape)
    x = torch.tensor(paper.x, dtype=torch.float64).reshape(1, -1, 1)
    start = tuple(torch.tensor(paper.start, dtype=torch.float64).reshape(-1, 1, paper.units))
    y, last = unroll(cell, CellWeights(**weights), x, start, engine=engine)
    assert y.flatten().tolist() == pytest.approx([float(v) for v in paper.y], abs=1e-14)
    assert torch.cat(last).flatten().tolist() == pytest.approx([float(v) for v in paper.last], abs=1e-14)
