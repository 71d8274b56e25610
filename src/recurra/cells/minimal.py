"""Cells that make do with one gate, or two."""

from __future__ import annotations

from typing import Any

from recurra.cells.definition import cell
from recurra.equations.symbols import R, W, b, k, relu, sigmoid, tanh


@cell(
    name="minimal-gru",
    title="Minimal gated unit",
    source="Zhou et al. 2016, Minimal gated unit for recurrent neural networks, arXiv:1603.09420",
)
def minimal_gru(x: Any, h: Any) -> Any:
    f = sigmoid(W.f @ x + R.f @ h + b.f)
    n = tanh(W.n @ x + R.n @ (f * h) + b.n)
    h = (1 - f) * h + f * n
    return h


@cell(
    title="JANET, an LSTM of the forget gate alone",
    source="van der Westhuizen & Lasenby 2018, The unreasonable effectiveness of the forget gate, arXiv:1804.04849",
    initial_bias={"f": 1.0},
)
def janet(x: Any, h: Any) -> Any:
    a = W.f @ x + R.f @ h + b.f
    g = tanh(W.g @ x + R.g @ h + b.g)
    h = sigmoid(a) * h + (1 - sigmoid(a - 1)) * g  # beta = 1
    return h


@cell(
    title="Update gate network",
    source="Collins, Sohl-Dickstein & Sussillo 2017, Capacity and trainability in recurrent neural networks, "
    "arXiv:1611.09913",
    initial_bias={"g": 1.0},
)
def ugrnn(x: Any, h: Any) -> Any:
    g = sigmoid(W.g @ x + R.g @ h + b.g)
    c = tanh(W.c @ x + R.c @ h + b.c)
    h = g * h + (1 - g) * c
    return h


@cell(
    title="Intersection network (+RNN)",
    source="Collins, Sohl-Dickstein & Sussillo 2017, Capacity and trainability in recurrent neural networks, "
    "arXiv:1611.09913; the input that passes by is mapped to the units",
    initial_bias={"gy": 1.0, "gh": 1.0},
)
def intersection_rnn(x: Any, y: Any, h: Any) -> Any:
    u = relu(W.u @ x + R.u @ h + b.u)
    n = tanh(W.n @ x + R.n @ h + b.n)
    gy = sigmoid(W.gy @ x + R.gy @ h + b.gy)
    gh = sigmoid(W.gh @ x + R.gh @ h + b.gh)
    y = gy * (W.y @ x) + (1 - gy) * u
    h = gh * h + (1 - gh) * n
    return y, h


@cell(
    name="fast-grnn",
    title="FastGRNN, one pair of matrices for gate and candidate",
    source="Kusupati et al. 2018, FastGRNN: a fast, accurate, stable and tiny kilobyte sized gated recurrent neural "
    "network, arXiv:1901.02358; full rank",
    initial={"k.zeta": 1.0, "k.nu": -4.0},
)
def fast_grnn(x: Any, h: Any) -> Any:
    a = W.a @ x + R.a @ h
    z = sigmoid(a + b.z)
    n = tanh(a + b.n)
    h = (sigmoid(k.zeta) * (1 - z) + sigmoid(k.nu)) * n + z * h
    return h
