"""Cells that no paper asks for: together they use every part of the equation language."""

from __future__ import annotations

from typing import Any

from recurra.cells.definition import Cell, cell
from recurra.equations.symbols import R, W, b, exp, log, maximum, minimum, p, rb, relu, sigmoid, softplus, tanh


@cell()
def every_function(x: Any, h: Any, c: Any) -> Any:
    i = relu(W.i @ x + R.i @ h + b.i)
    f = softplus(W.f @ x + p.f * c)
    e = exp(-(W.e @ x) - 1) + 0.5
    g = log(1 + e)
    c = minimum(i, 0.7) * maximum(f, c) - g / (1 + e * e) + 2 / (3 + e)
    h = (c**3 - 1) / 2 + sigmoid(-h)
    return h, c


@cell()
def ties(x: Any, h: Any) -> Any:
    a = maximum(h, h * 1.0)  # the same value twice: both halves flow into it
    o = minimum(h + 0 * (W.o @ x), h)
    u = maximum(0.25, minimum(relu(h), 0.25))
    return a + o * u + relu(R.r @ h - R.s @ h)


@cell()
def peepholes(x: Any, h: Any, c: Any) -> Any:
    i = sigmoid(W.i @ x + p.i * c + b.i)
    c = i * c + (1 - i) * tanh(p.g * (R.g @ h) + b.g)
    h = tanh(c * p.o + b.o)
    return h, c


@cell()
def lone_vectors(x: Any, h: Any) -> Any:
    decay = sigmoid(b.decay)
    rate = exp(p.rate) / (1 + p.floor)
    a = tanh(b.a - (W.a @ x) / b.scale)
    return decay * h + (2 - decay) * rate * a - (R.mixed @ decay) * (-b.last) ** 2


@cell()
def shift_register(x: Any, h: Any, before: Any, oldest: Any) -> Any:
    new = tanh(W.n @ x + R.n @ (h * before - oldest) + p.n * oldest + (b.n + rb.n))
    return new, h, before


@cell()
def kept_state(x: Any, h: Any, k: Any) -> Any:
    h = tanh(W.h @ x + R.h @ (k * sigmoid(h)) + b.h)
    return h, k


@cell()
def one_value_for_two(x: Any, h: Any, c: Any) -> Any:
    h = tanh(W.h @ x + R.h @ c)
    return h, h


def _squash(v: Any, times: int) -> Any:
    for _ in range(times):
        v = v - v * v * v / 3
    return v


@cell()
def helped(x: Any, h: Any) -> Any:
    h = _squash(0.3 * tanh(W.h @ x + R.h @ h), 3) + _squash(h / 4, 2)
    return h


@cell()
def deep_input(x: Any, h: Any) -> Any:
    u = tanh(W.u @ x + b.u)
    v = relu(R.v @ u + b.v)
    h = tanh(R.w @ v + R.h @ h) * u
    return h


ODD: tuple[Cell, ...] = (
    every_function,
    ties,
    peepholes,
    lone_vectors,
    shift_register,
    kept_state,
    one_value_for_two,
    helped,
    deep_input,
)
