"""Cells whose sums are normalised over the units of a row: layer normalisation (Ba, Kiros & Hinton 2016)."""

from __future__ import annotations

from typing import Any

from recurra.cells.definition import cell
from recurra.equations.symbols import R, W, b, normalize, s, sigmoid, tanh


@cell(
    name="lstm-layernorm",
    title="LSTM with layer normalisation",
    source="Ba, Kiros & Hinton 2016, Layer normalization, arXiv:1607.06450; each gate by itself, as TensorFlow's "
    "LayerNormBasicLSTMCell",
    initial_bias={"f": 1.0},
)
def lstm_layernorm(x: Any, h: Any, c: Any) -> Any:
    i = sigmoid(s.i * normalize(W.i @ x + R.i @ h) + b.i)
    f = sigmoid(s.f * normalize(W.f @ x + R.f @ h) + b.f)
    g = tanh(s.g * normalize(W.g @ x + R.g @ h) + b.g)
    o = sigmoid(s.o * normalize(W.o @ x + R.o @ h) + b.o)
    c = f * c + i * g
    h = o * tanh(s.c * normalize(c) + b.c)
    return h, c


@cell(
    name="gru-layernorm",
    title="GRU with layer normalisation",
    source="Ba, Kiros & Hinton 2016, Layer normalization, arXiv:1607.06450; each gate by itself",
)
def gru_layernorm(x: Any, h: Any) -> Any:
    r = sigmoid(s.r * normalize(W.r @ x) + s.rh * normalize(R.r @ h) + b.r)
    z = sigmoid(s.z * normalize(W.z @ x) + s.zh * normalize(R.z @ h) + b.z)
    n = tanh(s.n * normalize(W.n @ x) + b.n + r * (s.m * normalize(R.m @ h) + b.m))
    h = (1 - z) * n + z * h
    return h
