"""One step of a cell as data."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from functools import cached_property

from recurra.equations.check import check_use
from recurra.equations.graph import BINARY, MATRICES, OVER_UNITS, UNARY, Kind, Node, Parameter, Width, needed
from recurra.equations.trace import CellFunction, Trace


@dataclass(frozen=True)
class Program:
    """The step of a cell, in an order in which it can be computed.

    nodes: the operations; the first are the input and the states, in the order of the function's arguments.
    outputs: node of each new state, in that order. names: local names of the function, for what is shown.
    gates: in the order of their first use.
    """

    name: str
    arguments: tuple[str, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[int, ...]
    names: tuple[tuple[int, str], ...]
    gates: tuple[str, ...]

    @property
    def states(self) -> tuple[str, ...]:
        return self.arguments[1:]

    def settle(self) -> None:
        """Find now what every call of a layer asks: torch.compile cannot enter the lock of a cached property."""
        _ = self.given, self.dropped, self.narrow, self.parameters, self.hoisted

    @cached_property
    def given(self) -> tuple[str, ...]:
        """Names of what each step is given beside its input and states, masks of zoneout, in order."""
        return tuple(n.label or "" for n in self.nodes if n.op == "given")

    @cached_property
    def dropped(self) -> tuple[int, ...]:
        """Products whose operand recurrent dropout acts on: of a recurrent matrix of low rank the first of its two."""
        recurrent = [i for i, n in enumerate(self.nodes) if n.op == "R"]
        firsts = {i: self.nodes[i].args[0] for i in recurrent}
        return tuple(sorted({a if self.nodes[a].op == "P" else i for i, a in firsts.items()}))

    @cached_property
    def narrow(self) -> tuple[str, ...]:
        """States that are as wide as a projection."""
        return tuple(n.label or "" for n in self.nodes if n.op == "state" and n.width == "N")

    def width(self, state: str) -> Width:
        """N for a state that is as wide as a projection, otherwise H."""
        return "N" if state in self.narrow else "H"

    def sizes(self, input_size: int, hidden_size: int, proj_size: int | None = None) -> dict[str, int]:
        """Numbers by the letters of widths; without a projection it is as wide as the units."""
        return {"I": input_size, "H": hidden_size, "N": proj_size or hidden_size, "1": 1}

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """Every weight, gates in their order, within a kind."""
        found = {n.parameter for n in self.nodes if n.parameter is not None}
        return tuple(sorted(found, key=lambda q: (q.kind, self.gates.index(q.gate))))

    def gates_of(self, kind: Kind) -> tuple[str, ...]:
        """Gates that have a weight of this kind: the order in which their rows are stored."""
        return tuple(q.gate for q in self.parameters if q.kind == kind)

    @cached_property
    def hoisted(self) -> tuple[int, ...]:
        """Nodes that depend on the input and the weights alone, and so can be computed for all times at once."""
        moving: set[int] = set()
        for i, node in enumerate(self.nodes):
            if node.op == "state" or any(a in moving for a in node.args):
                moving.add(i)
        return tuple(i for i in range(len(self.nodes)) if i not in moving and self.nodes[i].op != "input")

    @cached_property
    def recurrent_products(self) -> tuple[int, ...]:
        """Matrix products that have to wait for the step before."""
        return tuple(i for i, n in enumerate(self.nodes) if n.op in ("R", "P") and i not in self.hoisted)

    @cached_property
    def units_apart(self) -> bool:
        """Whether no unit sees another one's state: no product or sum over units waits for the step before."""
        over_units = any(n.op in OVER_UNITS and i not in self.hoisted for i, n in enumerate(self.nodes))
        return not self.recurrent_products and not over_units

    @cached_property
    def linear(self) -> bool:
        """Whether the states that a step reads come out of it as a linear map of them, plus what the input adds.

        What is read of no state by the next step, like an LSTM's gated output, may be anything.
        """
        read = {a for n in self.nodes for a in n.args} | set(self.outputs)
        kept = [i for i, n in enumerate(self.nodes) if n.op == "state" and i in read]
        degrees: list[float] = []
        for node in self.nodes:
            degrees.append(1 if node.op == "state" else _degree(node.op, [degrees[a] for a in node.args]))
        return all(degrees[self.outputs[self.states.index(self.nodes[i].label or "")]] <= 1 for i in kept)

    @cached_property
    def input_products(self) -> tuple[int, ...]:
        """Matrix products of the input: one for the whole sequence."""
        return tuple(i for i, n in enumerate(self.nodes) if n.op == "W")

    @cached_property
    def pointwise(self) -> tuple[int, ...]:
        """Operations on units: elementwise, and those over the units of a row."""
        return tuple(i for i, n in enumerate(self.nodes) if n.op in UNARY + BINARY + OVER_UNITS)

    def parameter_count(self, input_size: int, hidden_size: int, proj_size: int | None = None, heads: int = 1) -> int:
        """Numbers to learn in one layer and direction."""
        return self._products(input_size, hidden_size, proj_size, heads) + sum(
            1 if q.kind == "k" else hidden_size for q in self.parameters if q.kind not in MATRICES
        )

    def _products(self, input_size: int, hidden_size: int, proj_size: int | None, heads: int) -> int:
        """Numbers in all matrices: each is used once. heads: number of blocks on R's diagonal"""
        sizes = self.sizes(input_size, hidden_size, proj_size)
        return sum(
            sizes[n.width] * sizes[self.nodes[n.args[0]].width] // (heads if n.op == "R" else 1)
            for n in self.nodes
            if n.op in MATRICES
        )

    def flops(self, input_size: int, hidden_size: int, proj_size: int | None = None, heads: int = 1) -> int:
        """Floating-point operations of one step of one row, forward: two for a multiply-add, one for a function."""
        products = self._products(input_size, hidden_size, proj_size, heads)
        costs = {"spread": 3, "normalize": 3}  # mean and variance; centred and scaled
        pointwise = sum(costs.get(self.nodes[i].op, 1) for i in self.pointwise)
        return 2 * products + hidden_size * pointwise

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the mathematics: the same for equal equations, whatever their values are called."""
        rows = [[n.op, n.args, n.width, str(n.parameter or ""), n.value] for n in self.nodes]
        return hashlib.sha256(json.dumps([rows, self.outputs]).encode()).hexdigest()


def _degree(op: str, degrees: list[float]) -> float:
    """How a value depends on the states: 0 not at all, 1 linearly, more otherwise."""
    match op:
        case "add" | "sub" | "neg" | "R" | "P":
            return max(degrees)
        case "mul":
            return sum(degrees)
        case "div":
            return degrees[0] if degrees[1] == 0 else math.inf
        case _:
            return math.inf if any(degrees) else 0


def trace(function: CellFunction, *, bias: bool = True) -> Program:
    """Run a cell's function on symbols.

    Errors: CellError with file and line for equations that cannot be.
    """
    run = Trace(function, bias=bias)
    outputs = run.run()
    check_use(run, outputs)
    nodes, at = needed(run.graph.nodes, outputs)
    names = sorted(
        (at[i], name)
        for name, i in run.locals.items()
        if i in at and nodes[at[i]].op not in ("input", "state", "constant")
    )
    return Program(run.name, tuple(run.arguments), nodes, tuple(at[o] for o in outputs), tuple(names), tuple(run.gates))
