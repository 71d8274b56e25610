"""Cells that do with one gate."""

from __future__ import annotations

from typing import Any

from recurra.cells.definition import cell
from recurra.equations.symbols import R, W, b, sigmoid, tanh


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
