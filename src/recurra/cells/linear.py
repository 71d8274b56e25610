"""Cells without a recurrent product: what a step adds depends on the input, and units do not see each other.

Nothing in a step waits for a matrix product, so the native engine runs many steps at once.
"""

from __future__ import annotations

from typing import Any

from recurra.cells.definition import cell
from recurra.equations.symbols import W, b, exp, expm1, p, relu, sigmoid, softplus, sqrt, tanh


@cell(
    title="minGRU",
    source="Feng et al. 2024, Were RNNs all we needed?, arXiv:2410.01201 (section 3.1)",
)
def min_gru(x: Any, h: Any) -> Any:
    z = sigmoid(W.z @ x + b.z)
    n = W.n @ x + b.n
    h = (1 - z) * h + z * n
    return h


@cell(
    title="minLSTM, gates that add up to 1",
    source="Feng et al. 2024, Were RNNs all we needed?, arXiv:2410.01201 (section 3.2)",
    initial_bias={"f": 1.0},
)
def min_lstm(x: Any, h: Any) -> Any:
    f = sigmoid(W.f @ x + b.f)
    i = sigmoid(W.i @ x + b.i)
    n = W.n @ x + b.n
    h = (f * h + i * n) / (f + i)
    return h


@cell(
    title="Simple recurrent unit",
    source="Lei et al. 2018, Simple recurrent units for highly parallelizable recurrence, arXiv:1709.02755; the "
    "highway's input mapped, as where input and state differ in width",
)
def sru(x: Any, h: Any, c: Any) -> Any:
    f = sigmoid(W.f @ x + p.f * c + b.f)
    r = sigmoid(W.r @ x + p.r * c + b.r)
    c = f * c + (1 - f) * (W.c @ x)
    h = r * c + (1 - r) * (W.h @ x)
    return h, c


@cell(
    title="Independently recurrent network, ReLU",
    source="Li et al. 2018, Independently recurrent neural network (IndRNN), arXiv:1803.04831",
    initial={"p.h": (0.0, 1.0)},
)
def indrnn(x: Any, h: Any) -> Any:
    h = relu(W.h @ x + p.h * h + b.h)
    return h


@cell(
    title="Real-gated linear recurrent unit",
    source="De et al. 2024, Griffin: mixing gated linear recurrences with local attention, arXiv:2402.19427 "
    "(equations 1 to 4), of a linear map of the input",
    initial={"p.decay": (-8.99, -4.32)},  # so that the slowest decays of a unit lie between 0.9 and 0.999
)
def rg_lru(x: Any, h: Any) -> Any:
    r = sigmoid(W.r @ x + b.r)
    i = sigmoid(W.i @ x + b.i)
    log_a = -8 * softplus(p.decay) * r
    h = exp(log_a) * h + sqrt(-expm1(2 * log_a)) * (i * (W.v @ x))
    return h


@cell(
    title="Quasi-recurrent unit, forget and output gates (fo-pooling)",
    source="Bradbury et al. 2017, Quasi-recurrent neural networks, arXiv:1611.01576, with a window of one step",
    initial_bias={"f": 1.0},
)
def qrnn(x: Any, h: Any, c: Any) -> Any:
    z = tanh(W.z @ x + b.z)
    f = sigmoid(W.f @ x + b.f)
    o = sigmoid(W.o @ x + b.o)
    c = f * c + (1 - f) * z
    h = o * c
    return h, c
