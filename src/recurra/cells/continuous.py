"""Networks in continuous time, sampled at even intervals."""

from __future__ import annotations

from typing import Any

from recurra.cells.definition import cell
from recurra.equations.symbols import R, W, b, p, sigmoid, tanh


@cell(
    title="Continuous-time network, Euler's method",
    source="Funahashi & Nakamura 1993, Approximation of dynamical systems by continuous time recurrent neural "
    "networks; a learned rate (step over time constant) for each unit",
    initial={"p.rate": (-2.0, 0.0)},
)
def ctrnn(x: Any, h: Any) -> Any:
    rate = sigmoid(p.rate)
    h = h + rate * (W.h @ x + R.h @ tanh(h) + b.h - h)
    return h


@cell(
    title="Closed-form continuous-time network",
    source="Hasani et al. 2022, Closed-form continuous-time neural networks, arXiv:2106.13898, at a time "
    "step of 1, without the layers that the three maps may share",
)
def cfc(x: Any, h: Any) -> Any:
    t = sigmoid(-(W.f @ x + R.f @ h + b.f))
    g = tanh(W.g @ x + R.g @ h + b.g)
    n = tanh(W.n @ x + R.n @ h + b.n)
    h = t * g + (1 - t) * n
    return h
