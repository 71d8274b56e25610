"""Exponential gates, kept in range by a state of their own."""

from __future__ import annotations

from typing import Any

from recurra.cells.definition import cell
from recurra.equations.symbols import R, W, b, exp, maximum, sigmoid, softplus, tanh

LEAST = 1e-30
"""Below this a normaliser counts as zero: nothing was written yet, and the memory is zero too."""


@cell(
    title="sLSTM, exponential gates with a stabiliser",
    source="Beck et al. 2024, xLSTM: Extended long short-term memory, arXiv:2405.04517",
    initial_bias={"f": 1.0},
)
def slstm(x: Any, h: Any, c: Any, n: Any, m: Any) -> Any:
    i = W.i @ x + R.i @ h + b.i
    kept = m - softplus(-(W.f @ x + R.f @ h + b.f))  # log f + m, f a sigmoid
    z = tanh(W.z @ x + R.z @ h + b.z)
    o = sigmoid(W.o @ x + R.o @ h + b.o)
    m = maximum(kept, i)
    forget, write = exp(kept - m), exp(i - m)
    c = forget * c + write * z
    n = forget * n + write
    h = o * c / maximum(n, LEAST)
    return h, c, n, m
