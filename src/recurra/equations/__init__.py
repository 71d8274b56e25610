"""The language of cells: symbols, the program of one step, its derivative, and how it is shown.

What a cell is written with is here: from recurra.equations import R, W, b, p, rb, sigmoid, tanh, ...
"""

from recurra.equations.symbols import (
    R,
    W,
    b,
    exp,
    log,
    maximum,
    minimum,
    p,
    rb,
    relu,
    sigmoid,
    softplus,
    tanh,
)

__all__ = ["R", "W", "b", "exp", "log", "maximum", "minimum", "p", "rb", "relu", "sigmoid", "softplus", "tanh"]
