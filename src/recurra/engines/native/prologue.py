"""Values of a step that depend on weights of units alone: computed once for a call, their gradients too.

A decay softplus(p) is the same number at every step and in every row. A layer's code gets it as one more vector and
gives back the sum of its adjoints; the vector itself, and the gradients of what it is made of, are code of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from recurra.engines.native.bytecode import MAX_STATES
from recurra.equations.derivative import Derivative, derive
from recurra.equations.graph import BINARY, UNARY, Graph, Node, Parameter, needed
from recurra.equations.program import Program


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
    found = [i for i in sorted(read & alone) if nodes[i].op != "vector"][:MAX_STATES]
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
