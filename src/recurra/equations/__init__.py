"""The language of cells: symbols, the program of one step, its derivative, and how it is shown.

What a cell is written with is here: from recurra.equations import R, W, b, p, rb, sigmoid, tanh, ...
"""

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

__all__ = [
    "R",
    "W",
    "abs",
    "b",
    "cos",
    "exp",
    "expm1",
    "k",
    "log",
    "maximum",
    "minimum",
    "normalize",
    "p",
    "rb",
    "relu",
    "s",
    "sigmoid",
    "sign",
    "sin",
    "softplus",
    "sqrt",
    "tanh",
]
