"""Cells that no paper asks for: together they use every part of the equation language."""

from __future__ import annotations

from typing import Any

from recurra.cells.definition import Cell, cell
from recurra.equations.symbols import (
    R,
    W,
    abs,
    b,
    cos,
    exp,
    expm1,
    k,
    log,
    maximum,
    minimum,
    normalize,
    p,
    rb,
    relu,
    s,
    sigmoid,
    sign,
    sin,
    softplus,
    sqrt,
    tanh,
)


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
def newer_functions(x: Any, h: Any, c: Any) -> Any:
    a = exp(-abs(W.a @ x + b.a))
    c = a * c + sqrt(1 - a * a) * sin(R.c @ h) + sqrt(0 * c)  # where sqrt's slope would be infinite
    h = expm1(-abs(c)) * sign(h + 0.1) + cos(c - h)
    return h, c


@cell()
def vectors_again(x: Any, h: Any) -> Any:
    """A vector in several places, a scale, one number for all units."""
    decay = exp(-softplus(p.decay))
    n = tanh(W.n @ x * s.n + b.n + p.n * h)
    h = decay * h + (1 - decay) * n * k.mix + p.decay * p.n + sigmoid(k.mix) + p.n
    return h


@cell()
def normalised(x: Any, h: Any, c: Any) -> Any:
    """Sums over a row of a product's result, of a column, of a state before and after, of one that is a state."""
    n = normalize(W.n @ x + R.n @ normalize(h), 0.01)
    m = s.m * normalize(W.m @ x) + b.m
    c = sigmoid(n) * c + tanh(m + normalize(c))
    h = normalize(c * n)
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
    newer_functions,
    vectors_again,
    normalised,
)
