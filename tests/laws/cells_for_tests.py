"""Cells as a user might write them, each with something that no built-in cell has."""

from __future__ import annotations

from typing import Any

from recurra.cells.catalogue import BUILT_IN
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
    s,
    sigmoid,
    sign,
    sin,
    softplus,
    sqrt,
    tanh,
)


@cell(source="three states, division, a power")
def three_state(x: Any, h: Any, c: Any, n: Any) -> Any:
    z = tanh(W.z @ x + R.z @ h + b.z)
    i = exp(minimum(W.i @ x + R.i @ h + b.i, 1))
    f = sigmoid(W.f @ x + R.f @ h + b.f)
    c = f * c + i * z
    n = f * n + i
    h = c / (1 + n**2)
    return h, c, n


@cell(source="softplus, minimum, maximum, log; a value that does not depend on time")
def softened(x: Any, h: Any) -> Any:
    t = softplus(W.t @ x + b.t)
    n = maximum(minimum(W.n @ x + R.n @ h + b.n, 0.8), -0.8)
    h = h + (n - h) / (1 + log(2 + t))
    return h


@cell(source="the output is no memory; a recurrent product of a new state")
def output_first(x: Any, y: Any, s: Any) -> Any:
    s = tanh(W.s @ x + R.s @ s + b.s)
    y = sigmoid(W.y @ x + p.y * s + R.y @ s) * 2 - 1
    return y, s


@cell(source="no recurrent matrix, no first bias")
def diagonal(x: Any, h: Any) -> Any:
    h = p.h * h + W.h @ x + rb.h
    return h


@cell(source="a vector twice, one number for all units, no recurrent product: steps run in blocks")
def oscillating(x: Any, h: Any, c: Any) -> Any:
    decay = exp(-softplus(p.rate) * sigmoid(W.decay @ x))
    c = decay * c + sqrt(1 - decay * decay) * tanh(W.c @ x + p.rate) + k.swing * cos(c)
    h = sin(c) * expm1(-abs(c)) + 0.1 * sign(c) * h
    return h, c


@cell(source="normalisation of a product, of a product of the input, of states; no gate is alone")
def normalised(x: Any, h: Any, c: Any) -> Any:
    i = sigmoid(s.i * normalize(W.i @ x + R.i @ h) + b.i)
    g = tanh(normalize(W.g @ x, 0.01) + s.g * normalize(h) + b.g)
    c = (1 - i) * c + i * g
    h = tanh(normalize(c))
    return h, c


USERS_OWN: tuple[Cell, ...] = (three_state, softened, output_first, diagonal, oscillating, normalised)
CELLS: tuple[Cell, ...] = BUILT_IN + USERS_OWN
