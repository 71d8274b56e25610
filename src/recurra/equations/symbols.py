"""What the equations of a cell are written with: W, R, P, p, s, k, b, rb and the functions.

The same function of a cell runs on torch tensors, with the weights that `bound` puts in force, and on the symbols of a
trace (`program.py`). Nothing here imports torch: a tensor is asked for its own methods.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from recurra.equations.graph import Kind, Parameter
from recurra.errors import CellError

Value = Any
"""A torch tensor [B, H] or [B, I], a symbol of a trace, or a number."""


class Context(Protocol):
    """What gives the parameters their meaning while the equations run."""

    def product(self, parameter: Parameter, operand: Value) -> Value: ...

    def vector(self, parameter: Parameter) -> Value | None:
        """The parameter [H], or None for a bias that the cell is built without."""


_current = threading.local()


def context() -> Context:
    """The context in force on this thread."""
    found: Context | None = getattr(_current, "context", None)
    if found is None:
        raise CellError("W, R, p and b have values only inside a cell; run the cell through a layer or unroll()")
    return found


@contextmanager
def bound(to: Context) -> Iterator[None]:
    """Give the parameters a meaning for as long as the block runs, on this thread."""
    before = getattr(_current, "context", None)
    _current.context = to
    try:
        yield
    finally:
        _current.context = before


class Unknown:
    """What has no number yet: it cannot be compared or branched on."""

    def _refuse_to_compare(self, *_: object) -> bool:
        raise CellError(
            "an equation cannot branch on a value of the step or compare it; use minimum, maximum or a gate"
        )

    __bool__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse_to_compare
    __eq__ = __ne__ = _refuse_to_compare
    __hash__ = object.__hash__


class Matrix(Unknown):
    """`W.gate`, `R.gate` or `P.gate`: a dense map, applied with @."""

    def __init__(self, kind: Kind, gate: str) -> None:
        self.parameter = Parameter(kind, gate)
        self.example = f"{self.parameter} @ {'x' if kind == 'W' else 'h'}"

    def __matmul__(self, operand: Value) -> Value:
        return context().product(self.parameter, operand)

    def __rmatmul__(self, _: object) -> Value:
        raise CellError(f"{self.parameter} stands on the left of what it maps, as in {self.example}")

    def _refuse(self, *_: object) -> Value:
        raise CellError(f"{self.parameter} is a matrix: apply it with @, as in {self.example}")

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _refuse
    __truediv__ = __rtruediv__ = __neg__ = __pow__ = __call__ = __getitem__ = _refuse

    T = mT = property(_refuse)

    def __repr__(self) -> str:
        return f"the matrix {self.parameter}"


def _value(operand: Value) -> Value:
    """The value of a parameter vector; anything else as it is."""
    if not isinstance(operand, Vector):
        return operand
    found = context().vector(operand.parameter)
    if found is None:
        raise CellError(f"{operand.parameter} is not only added, so this cell cannot be built with bias=False")
    return found


class Vector(Unknown):
    """`p.gate`, `s.gate`, `b.gate`, `rb.gate`: one number per unit; `k.gate`: one for all. Broadcast over the batch."""

    def __init__(self, kind: Kind, gate: str) -> None:
        self.parameter = Parameter(kind, gate)

    def __add__(self, other: Value) -> Value:
        vector = context().vector(self.parameter)
        return other if vector is None else vector + _value(other)

    def __radd__(self, other: Value) -> Value:
        vector = context().vector(self.parameter)
        return other if vector is None else other + vector

    def __mul__(self, other: Value) -> Value:
        return _value(self) * _value(other)

    def __rmul__(self, other: Value) -> Value:
        return other * _value(self)

    def __sub__(self, other: Value) -> Value:
        return _value(self) - _value(other)

    def __rsub__(self, other: Value) -> Value:
        return other - _value(self)

    def __truediv__(self, other: Value) -> Value:
        return _value(self) / _value(other)

    def __rtruediv__(self, other: Value) -> Value:
        return other / _value(self)

    def __pow__(self, exponent: Value) -> Value:
        return _value(self) ** exponent

    def __neg__(self) -> Value:
        return -_value(self)

    def _refuse(self, _: object) -> Value:
        each = "one number" if self.parameter.kind == "k" else "one number per unit"
        raise CellError(f"{self.parameter} is {each}: apply it with *, as in {self.parameter} * c")

    __matmul__ = __rmatmul__ = _refuse

    def __repr__(self) -> str:
        return f"the vector {self.parameter}"


class Weights:
    """W, R, P, p, s, k, b or rb before the gate is named."""

    _kind: Kind

    def __init__(self, kind: Kind) -> None:
        object.__setattr__(self, "_kind", kind)

    def __setattr__(self, name: str, value: object) -> None:
        raise CellError(f"{self._kind}.{name} is a weight, which an equation reads and does not set")

    def _refuse(self, *_: object) -> Value:
        raise CellError(f"{self._kind} needs the name of a gate, as in {self._kind}.i")

    __matmul__ = __rmatmul__ = __mul__ = __rmul__ = __add__ = __radd__ = _refuse
    __sub__ = __rsub__ = __truediv__ = __rtruediv__ = __neg__ = __call__ = __getitem__ = _refuse

    def __repr__(self) -> str:
        return self._kind


class _Matrices(Weights):
    def __getattr__(self, gate: str) -> Matrix:
        return Matrix(self._kind, _gate(gate))


class _Vectors(Weights):
    def __getattr__(self, gate: str) -> Vector:
        return Vector(self._kind, _gate(gate))


def _gate(name: str) -> str:
    if name.startswith("_"):  # copy, pickle and inspection ask for such names
        raise AttributeError(f"a gate's name starts with a letter, not {name!r}")
    return name


W = _Matrices("W")
R = _Matrices("R")
P = _Matrices("P")
p = _Vectors("p")
s = _Vectors("s")
k = _Vectors("k")
b = _Vectors("b")
rb = _Vectors("rb")


def _unary(name: str, on_tensor: Callable[[Value], Value]) -> Callable[[Value], Value]:
    def function(v: Value) -> Value:
        v = _value(v)
        own = getattr(v, "equation_unary", None)
        if own is not None:
            return own(name)
        if not hasattr(v, name if name != "softplus" else "logaddexp"):
            raise CellError(f"{name} takes a value of the step, got {v!r}")
        return on_tensor(v)

    function.__name__ = function.__qualname__ = name
    return function


sigmoid = _unary("sigmoid", lambda v: v.sigmoid())
tanh = _unary("tanh", lambda v: v.tanh())
relu = _unary("relu", lambda v: v.relu())
softplus = _unary("softplus", lambda v: v.logaddexp(v.new_zeros(())))
exp = _unary("exp", lambda v: v.exp())
log = _unary("log", lambda v: v.log())
abs = _unary("abs", lambda v: v.abs())
sign = _unary("sign", lambda v: v.sign())
sin = _unary("sin", lambda v: v.sin())
cos = _unary("cos", lambda v: v.cos())
expm1 = _unary("expm1", lambda v: v.expm1())


def _sqrt(v: Value) -> Value:
    """With the derivative 0 at 0, where it would be infinite and turn what does not matter into 0 * inf."""
    zero = v == 0
    return v.masked_fill(zero, 1).sqrt().masked_fill(zero, 0)


sqrt = _unary("sqrt", _sqrt)

EPSILON = 1e-5
"""Added to the variance of what is normalised, as torch.nn.LayerNorm does."""


def normalize(v: Value, epsilon: float = EPSILON) -> Value:
    """Zero mean and unit variance over the H units of a row: (v - mean) / sqrt(variance + epsilon).

    Gain and bias are written around it, as in `s.i * normalize(R.i @ h) + b.i`.
    Shapes: v [B, H] -> [B, H]
    Source: Ba, Kiros & Hinton 2016, Layer normalization, arXiv:1607.06450
    """
    number = isinstance(epsilon, int | float) and not isinstance(epsilon, bool)
    if not number or not 0 < epsilon < float("inf"):
        raise CellError(f"normalize's epsilon must be a number above 0, got {epsilon!r}")
    v = _value(v)
    own = getattr(v, "equation_normalize", None)
    if own is not None:
        return own(float(epsilon))
    if not hasattr(v, "rsqrt"):
        raise CellError(f"normalize takes a value as wide as a state [H], got {v!r}")
    return normal(v, spread(v, float(epsilon)))


def spread(v: Value, epsilon: float) -> Value:
    """Shapes: v [B, H] -> 1 / sqrt(variance + epsilon) [B, 1]"""
    v = _wide(v)
    centred = v - v.mean(-1, keepdim=True)
    return ((centred * centred).mean(-1, keepdim=True) + epsilon).rsqrt()


def normal(v: Value, spread: Value) -> Value:
    """Shapes: v [B, H], spread [B, 1] -> [B, H]"""
    v = _wide(v)
    return (v - v.mean(-1, keepdim=True)) * spread


def _wide(v: Value) -> Value:
    """In float32 at least: 8 bits are too few for a mean."""
    return v.float() if v.element_size() < 4 else v


def _binary(name: str) -> Callable[[Value, Value], Value]:
    def function(left: Value, right: Value) -> Value:
        left, right = _value(left), _value(right)
        for one in (left, right):
            if hasattr(one, "equation_binary"):
                return one.equation_binary(name, left, right)
        for one, other in ((left, right), (right, left)):
            if hasattr(one, name):
                return getattr(one, name)(other if hasattr(other, name) else one.new_full((), other))
        raise CellError(f"{name} takes values of the step, got {left!r} and {right!r}")

    function.__name__ = function.__qualname__ = name
    return function


minimum = _binary("minimum")
maximum = _binary("maximum")

FUNCTIONS = (
    "sigmoid", "tanh", "relu", "softplus", "exp", "log", "expm1", "sqrt", "abs", "sign", "sin", "cos", "minimum",
    "maximum", "normalize",
)  # fmt: skip
"""The functions of the language."""

WEIGHTS = ("W", "R", "P", "p", "s", "k", "b", "rb")
"""The kinds of weights of the language."""
