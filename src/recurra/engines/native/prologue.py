"""Values of a step that depend on weights of units alone: computed once for a call, their gradients too.

A decay softplus(p) is the same number at every step and in every row. The core gets it as one more vector and gives
back the sum of its adjoints; the vector itself, and the gradients of what it is made of, are torch's own operations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from recurra.equations.derivative import Derivative, derive
from recurra.equations.graph import BINARY, UNARY, Graph, Node, Parameter, needed
from recurra.equations.interpret import run_derivative, run_program
from recurra.equations.program import Program

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Prologue:
    """A program of no input whose new states are those values, and its derivative.

    Shapes: weights [H] each, [1] for a single number; values [H] each
    """

    derivative: Derivative

    @property
    def program(self) -> Program:
        return self.derivative.forward

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The weights that it reads."""
        return self.program.parameters

    def nodes(self, weights: Mapping[Parameter, Tensor]) -> list[Tensor]:
        """All that is computed on the way to the values, for `values` and `gradients`."""
        like = next(iter(weights.values()))
        return run_program(self.program, like, [like] * len(self.program.states), weights)

    def values(self, nodes: Sequence[Tensor], units: int) -> list[Tensor]:
        """In the order of the gates of "v" in the program that is left."""
        return [nodes[o].expand(units) for o in self.program.outputs]

    def gradients(
        self, weights: Mapping[Parameter, Tensor], nodes: Sequence[Tensor], adjoints: Sequence[Tensor]
    ) -> dict[Parameter, Tensor]:
        """Of the weights, from those of the values, each [1, H]."""
        return run_derivative(self.derivative, nodes, adjoints, weights)[2]


def of_weights_alone(program: Program) -> set[int]:
    """Indices of the vectors, and of what depends on vectors alone: the same numbers at every step and in every row."""
    fixed: set[int] = set()  # of vectors and constants
    alone: set[int] = set()  # those of at least one vector
    for i, node in enumerate(program.nodes):
        if node.op in ("vector", "constant") or (node.op in (*UNARY, *BINARY) and fixed.issuperset(node.args)):
            fixed.add(i)
            if node.op == "vector" or not alone.isdisjoint(node.args):
                alone.add(i)
    return alone


def split(program: Program) -> tuple[Program, Prologue | None]:
    """The program with such values as vectors of the kind "v", and what computes them; itself where it has none."""
    nodes, alone = program.nodes, of_weights_alone(program)
    read = {a for i, node in enumerate(nodes) if i not in alone for a in node.args} | set(program.outputs)
    found = [i for i in sorted(read & alone) if nodes[i].op != "vector"]
    if not found:
        return program, None
    names = tuple(f"value {n}" for n in range(len(found)))
    return _without(program, found, names), Prologue(derive(_alone(program, found, names)))


def _without(program: Program, found: Sequence[int], names: tuple[str, ...]) -> Program:
    vectors = dict(zip(found, (Node("vector", parameter=Parameter("v", name)) for name in names), strict=True))
    nodes = [vectors.get(i, node) for i, node in enumerate(program.nodes)]
    kept, at = needed(nodes, program.outputs)
    outputs = tuple(at[o] for o in program.outputs)
    return replace(program, nodes=kept, outputs=outputs, names=(), gates=(*program.gates, *names))


def _alone(program: Program, found: Sequence[int], names: tuple[str, ...]) -> Program:
    graph = Graph()
    graph.add(Node("input", width="I", label="nothing"))
    for name in names:
        graph.add(Node("state", label=name))
    at: dict[int, int] = {}
    kept, index = needed([replace(node, label=None) for node in program.nodes], found)
    for i, node in enumerate(kept):
        at[i] = graph.add(replace(node, args=tuple(at[a] for a in node.args)))
    outputs = tuple(at[index[i]] for i in found)
    return Program(f"{program.name}, once", ("nothing", *names), tuple(graph.nodes), outputs, (), program.gates)
