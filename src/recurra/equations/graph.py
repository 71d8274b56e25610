"""A graph of operations on the values of one step: what programs and their derivatives are made of."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal

Width = Literal["I", "H", "N", "1", "B"]
"""Last axis of a value: I as the input, H as a state, N as a projection, 1 for a number; B: one number for each row."""

Kind = Literal["W", "R", "P", "p", "s", "k", "b", "rb", "v"]

VECTOR_KINDS: tuple[Kind, ...] = ("p", "b", "rb", "s", "k")
BIAS_KINDS: tuple[Kind, ...] = ("b", "rb")
UNARY = (
    "neg", "sigmoid", "tanh", "relu", "softplus", "exp", "log", "positive",
    "sqrt", "abs", "sign", "sin", "cos", "expm1", "sqrt_slope",
)  # fmt: skip
BINARY = ("add", "sub", "mul", "div", "minimum", "maximum", "share")
OVER_UNITS = ("spread", "normalize", "normalize_back")
"""Operations on whole rows: their result depends on all units."""
LINEAR = ("add", "sub", "mul", "div", "neg")
MATRICES = ("W", "R", "P")
FOLDED: dict[str, Callable[[float, float], float]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
}
"""What is worked out at once where both sides are constants."""


@dataclass(frozen=True)
class Parameter:
    """A weight of a cell.

    kind: W [H, I] dense map of the input; R [H, H] dense map of a value of the step, [H, N] of a projected one;
    P [N, H] dense map of a value to the projection's width; p [H] diagonal (peephole)
    weight; s [H] scale, which starts from 1; k one number for the whole layer; b [H] bias; rb [H] recurrent bias, where
    torch has a second one; v [H], which no cell has: a value of vectors alone that an engine computes once for a call.
    """

    kind: Kind
    gate: str

    def __str__(self) -> str:
        return f"{self.kind}.{self.gate}"


@dataclass(frozen=True)
class Node:
    """One operation.

    op: "input", "state", "given" (of each step, neither a weight nor a state: a mask) and "adjoint" (leaves, `label`
    says which), "saved" (a derivative's use of the forward node `source`), "constant" (`value`), "vector" (a parameter
    [H]), "W", "R", "P" and their transposes "WT", "RT", "PT" (matrix products with `parameter`), or one of UNARY and
    BINARY, elementwise. `positive(a)` is 1 where a > 0,
    `share(a, b)` is 1 where a > b, 1/2 where a = b, else 0: the derivatives of relu, maximum and minimum.
    `sqrt_slope(y)` is 1/(2y), 0 where y = 0: the derivative of sqrt, finite everywhere.
    `spread(v)` is 1/sqrt(variance + value) over the units of a row, `normalize(v, spread)` is (v - mean) spread, and
    `normalize_back(d, y, spread)`, with y the normalised value, is (d - mean(d) - y mean(d y)) spread.
    args: indices of operand nodes, always smaller than the node's own.
    """

    op: str
    args: tuple[int, ...] = ()
    width: Width = "H"
    parameter: Parameter | None = None
    value: float | None = None
    label: str | None = None
    source: int | None = None


class Graph:
    """Nodes in an order in which they can be computed; equal nodes are one node."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._index: dict[Node, int] = {}

    def add(self, node: Node) -> int:
        """Index of the node, new or found."""
        if node not in self._index:
            self._index[node] = len(self.nodes)
            self.nodes.append(node)
        return self._index[node]

    def constant(self, value: float) -> int:
        return self.add(Node("constant", width="1", value=float(value)))

    def apply(self, op: str, *args: int) -> int:
        """Elementwise operation, with the identities of 0 and 1 removed and constants worked out."""
        width: Width = next((self.nodes[a].width for a in args if self.nodes[a].width != "1"), "1")
        simpler = self._simplify(op, args)
        return simpler if simpler is not None else self.add(Node(op, args, width))

    def number(self, index: int) -> float | None:
        """The value of a constant node, None for any other."""
        return self.nodes[index].value if self.nodes[index].op == "constant" else None

    def _simplify(self, op: str, args: tuple[int, ...]) -> int | None:
        numbers = [self.number(a) for a in args]
        if op == "neg" and numbers[0] is not None:
            return self.constant(-numbers[0])
        if op in FOLDED and numbers[0] is not None and numbers[1] is not None and (op != "div" or numbers[1]):
            return self.constant(FOLDED[op](numbers[0], numbers[1]))
        if op in ("add", "sub") and numbers[1] == 0:
            return args[0]
        if op == "add" and numbers[0] == 0:
            return args[1]
        if op in ("mul", "div") and numbers[1] == 1:
            return args[0]
        if op == "mul" and numbers[0] == 1:
            return args[1]
        return None


def needed(nodes: Iterable[Node], roots: Iterable[int]) -> tuple[tuple[Node, ...], dict[int, int]]:
    """The leaves with a label and the nodes that the roots are computed from, in their order; new index of each."""
    nodes, wanted = tuple(nodes), set(roots)
    for i in reversed(range(len(nodes))):
        if i in wanted:
            wanted.update(nodes[i].args)
    kept = [i for i, node in enumerate(nodes) if i in wanted or node.label is not None]
    index = {old: new for new, old in enumerate(kept)}
    return tuple(replace(nodes[i], args=tuple(index[a] for a in nodes[i].args)) for i in kept), index
