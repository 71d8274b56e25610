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


def lstm_layernorm(x: Tensor, weights: CellWeights) -> Tensor:
    """The four sums of a step in one call of layer_norm, their gains and biases in one multiply-add."""
    r, hidden = _recurrent(weights), weights.weight_hh.shape[1]  # type: ignore[union-attr]
    assert weights.weight_sh is not None
    assert weights.bias_ih is not None
    gains, biases = weights.weight_sh.view(5, hidden), weights.bias_ih.view(5, hidden)
    h = c = _start(x, r)
    outputs = []
    for wx in functional.linear(x, weights.weight_ih).unbind(0):
        sums = functional.layer_norm(torch.addmm(wx, h, r).view(-1, 4, hidden), (hidden,))
        i, f, g, o = torch.addcmul(biases[:4], sums, gains[:4]).unbind(1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(functional.layer_norm(c, (hidden,), gains[4], biases[4]))
        outputs.append(h)
    return torch.stack(outputs)


def min_gru(x: Tensor, weights: CellWeights) -> Tensor:
    gates, new = functional.linear(x, weights.weight_ih, weights.bias_ih).chunk(2, 2)
    gates = torch.sigmoid(gates)
    h = x.new_zeros(x.shape[1], new.shape[2])
    outputs = []
    for z, n in zip(gates.unbind(0), new.unbind(0), strict=True):
        h = torch.lerp(h, n, z)
        outputs.append(h)
    return torch.stack(outputs)


def sru(x: Tensor, weights: CellWeights) -> Tensor:
    f_x, r_x, c_x, h_x = functional.linear(x, weights.weight_ih).chunk(4, 2)
    assert weights.weight_ph is not None
    assert weights.bias_ih is not None
    p_f, p_r = weights.weight_ph.chunk(2)
    b_f, b_r = weights.bias_ih.chunk(2)
    f_x, r_x = f_x + b_f, r_x + b_r
    c = x.new_zeros(x.shape[1], p_f.shape[0])
    outputs = []
    for f, r, new, past in zip(f_x.unbind(0), r_x.unbind(0), c_x.unbind(0), h_x.unbind(0), strict=True):
        f, r = torch.sigmoid(torch.addcmul(f, p_f, c)), torch.sigmoid(torch.addcmul(r, p_r, c))
        c = torch.lerp(new, c, f)
        outputs.append(torch.lerp(past, c, r))
    return torch.stack(outputs)


LOOPS: dict[str, Loop] = {
    "peephole-lstm": peephole_lstm,
    "coupled-lstm": coupled_lstm,
    "gru-cho": gru_cho,
    "lstm-layernorm": lstm_layernorm,
    "min-gru": min_gru,
    "sru": sru,
    own_cell.name: leaky,
}
"""By cell."""
