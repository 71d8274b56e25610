"""Cells that torch has not, as one writes them in plain torch; and a cell that is written only here.

Each loop is what a careful author would write: the input's projection of all times in one product, one recurrent
product a step for all gates whose operand is the same, no slicing of a long tensor at every step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from recurra.cells.definition import cell
from recurra.engines.request import CellWeights
from recurra.equations.symbols import R, W, b, p, sigmoid, tanh

Loop = Callable[[Tensor, CellWeights], Tensor]
"""x [T, B, I] and the weights as a Stack stores them -> outputs [T, B, H], from a state of zeros."""


@cell(name="bench-leaky", title="LSTM with one gate for old and new", source="Written for this benchmark")
def own_cell(x: Any, h: Any, c: Any) -> Any:
    f = sigmoid(W.f @ x + R.f @ h + p.f * c + b.f)
    u = tanh(W.u @ x + R.u @ h + b.u)
    c = f * c + (1 - f) * u
    o = sigmoid(W.o @ x + R.o @ h + b.o)
    h = o * tanh(c) + (1 - o) * u
    return h, c


def _projected(x: Tensor, weights: CellWeights) -> tuple[Tensor, ...]:
    """The input's part of every gate, one [B, G*H] for each time."""
    return functional.linear(x, weights.weight_ih, weights.bias_ih).unbind(0)


def _recurrent(weights: CellWeights) -> Tensor:
    assert weights.weight_hh is not None
    return weights.weight_hh.t()


def _start(x: Tensor, r: Tensor) -> Tensor:
    return x.new_zeros(x.shape[1], r.shape[0])


def peephole_lstm(x: Tensor, weights: CellWeights) -> Tensor:
    r, projected = _recurrent(weights), _projected(x, weights)
    assert weights.weight_ph is not None
    p_i, p_f, p_o = weights.weight_ph.chunk(3)
    h = c = _start(x, r)
    outputs = []
    for wx in projected:
        i, f, g, o = torch.addmm(wx, h, r).chunk(4, 1)
        i, f = torch.sigmoid(i + p_i * c), torch.sigmoid(f + p_f * c)
        c = f * c + i * torch.tanh(g)
        h = torch.sigmoid(o + p_o * c) * torch.tanh(c)
        outputs.append(h)
    return torch.stack(outputs)


def coupled_lstm(x: Tensor, weights: CellWeights) -> Tensor:
    r, projected = _recurrent(weights), _projected(x, weights)
    h = c = _start(x, r)
    outputs = []
    for wx in projected:
        i, g, o = torch.addmm(wx, h, r).chunk(3, 1)
        c = torch.lerp(c, torch.tanh(g), torch.sigmoid(i))
        h = torch.sigmoid(o) * torch.tanh(c)
        outputs.append(h)
    return torch.stack(outputs)


def gru_cho(x: Tensor, weights: CellWeights) -> Tensor:
    r, projected = _recurrent(weights), _projected(x, weights)
    hidden = r.shape[0]
    gates, new = r[:, : 2 * hidden], r[:, 2 * hidden :]
    h = _start(x, r)
    outputs = []
    for wx in projected:
        sums, n = wx.tensor_split([2 * hidden], 1)
        reset, update = torch.sigmoid(torch.addmm(sums, h, gates)).chunk(2, 1)
        h = torch.lerp(torch.tanh(torch.addmm(n, reset * h, new)), h, update)
        outputs.append(h)
    return torch.stack(outputs)


def leaky(x: Tensor, weights: CellWeights) -> Tensor:
    r, projected = _recurrent(weights), _projected(x, weights)
    assert weights.weight_ph is not None
    h = c = _start(x, r)
    outputs = []
    for wx in projected:
        f, u, o = torch.addmm(wx, h, r).chunk(3, 1)
        u = torch.tanh(u)
        c = torch.lerp(u, c, torch.sigmoid(f + weights.weight_ph * c))
        h = torch.lerp(u, torch.tanh(c), torch.sigmoid(o))
        outputs.append(h)
    return torch.stack(outputs)


LOOPS: dict[str, Loop] = {
    "peephole-lstm": peephole_lstm,
    "coupled-lstm": coupled_lstm,
    "gru-cho": gru_cho,
    own_cell.name: leaky,
}
"""By cell."""
