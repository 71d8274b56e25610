"""Gated recurrent units."""

from __future__ import annotations

from typing import Any

from recurra.cells.definition import cell
from recurra.equations.symbols import R, W, b, rb, sigmoid, tanh


@cell(
    name="gru",
    title="GRU, reset after the product",
    source="Cho et al. 2014, Learning phrase representations using RNN encoder-decoder, arXiv:1406.1078v1; as "
    "torch.nn.GRU",
)
def gru(x: Any, h: Any) -> Any:
    r = sigmoid(W.r @ x + b.r + R.r @ h + rb.r)
    z = sigmoid(W.z @ x + b.z + R.z @ h + rb.z)
    n = tanh(W.n @ x + b.n + r * (R.n @ h + rb.n))
    h = (1 - z) * n + z * h
    return h


@cell(
    name="gru-cho",
    title="GRU, reset before the product",
    source="Cho et al. 2014, Learning phrase representations using RNN encoder-decoder, arXiv:1406.1078v3",
)
def gru_cho(x: Any, h: Any) -> Any:
    r = sigmoid(W.r @ x + R.r @ h + b.r)
    z = sigmoid(W.z @ x + R.z @ h + b.z)
    n = tanh(W.n @ x + R.n @ (r * h) + b.n)
    h = z * h + (1 - z) * n
    return h
