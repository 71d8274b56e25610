"""Reverse mode of a program: the derivative of a step is a step too."""

from __future__ import annotations

from dataclasses import dataclass

from recurra.equations.graph import MATRICES, Graph, Node, Parameter, needed
from recurra.equations.program import Program


@dataclass(frozen=True)
class Derivative:
    """The backward step of a cell.

    nodes: operations over leaves "adjoint" (label: the state whose new value's adjoint comes in) and "saved" (source:
    a node of the forward program). states: node of each old state's adjoint. input: node of the input's adjoint.
    parameters: for each weight the node of the adjoint of its product (or of the vector itself) and, for W and R,
    the forward node it was applied to: dR.i is the sum over batch and time of adjoint [B, H] times operand
    [B, H], which an engine may take out of time; None where nothing flows.
    saved: forward nodes that the backward step reads.
    """

    forward: Program
    nodes: tuple[Node, ...]
    states: tuple[int | None, ...]
    input: int | None
    parameters: tuple[tuple[Parameter, int, int | None], ...]

    @property
    def saved(self) -> tuple[int, ...]:
        """Forward nodes that the backward step reads, operands of products included."""
        read = {n.source for n in self.nodes if n.source is not None}
        operands = {operand for _, _, operand in self.parameters if operand is not None}
        return tuple(sorted(read | operands))


def derive(program: Program) -> Derivative:
    """Reverse-mode derivative of one step."""
    return _Reverse(program).run()


class _Reverse:
    def __init__(self, program: Program) -> None:
        self.program, self.graph = program, Graph()
        self.adjoints: dict[int, int] = {}

    def saved(self, index: int) -> int:
        node = self.program.nodes[index]
        if node.op == "constant":
            assert node.value is not None
            return self.graph.constant(node.value)
        if node.op == "vector":
            return self.graph.add(node)
        return self.graph.add(Node("saved", (), node.width, source=index))

    def give(self, index: int, adjoint: int) -> None:
        """Add to the adjoint of a forward node."""
        if self.program.nodes[index].op == "constant":
            return
        before = self.adjoints.get(index)
        self.adjoints[index] = adjoint if before is None else self.graph.apply("add", before, adjoint)

    def run(self) -> Derivative:
        program = self.program
        for state, output in zip(program.states, program.outputs, strict=True):
            self.give(output, self.graph.add(Node("adjoint", (), program.width(state), label=state)))
        parameters: list[tuple[Parameter, int, int | None]] = []
        for index in reversed(range(len(program.nodes))):
            adjoint = self.adjoints.get(index)
            if adjoint is None:
                continue
            node = program.nodes[index]
            if node.parameter is not None:
                parameters.append((node.parameter, adjoint, node.args[0] if node.args else None))
            if node.op in MATRICES:
                width = program.nodes[node.args[0]].width
                self.give(node.args[0], self.graph.add(Node(node.op + "T", (adjoint,), width, node.parameter)))
            elif node.args:
                self.pointwise(index, node, adjoint)
        index_of = {n.label: i for i, n in enumerate(program.nodes) if n.op in ("state", "input")}
        states = tuple(self.adjoints.get(index_of[s]) for s in program.states)
        inputs = self.adjoints.get(index_of[program.arguments[0]])
        roots = {i for i in (inputs, *states) if i is not None} | {adjoint for _, adjoint, _ in parameters}
        nodes, at = needed(self.graph.nodes, roots)
        return Derivative(
            program,
            nodes,
            tuple(None if s is None else at[s] for s in states),
            None if inputs is None else at[inputs],
            tuple((parameter, at[adjoint], operand) for parameter, adjoint, operand in reversed(parameters)),
        )

    def pointwise(self, index: int, node: Node, d: int) -> None:
        apply, one = self.graph.apply, self.graph.constant(1.0)
        a = node.args[0]
        if node.op == "normalize":  # its spread's adjoint is in it
            y, spread = self.saved(index), self.saved(node.args[1])
            self.give(a, self.graph.add(Node("normalize_back", (d, y, spread), "H")))
            return
        if node.op == "sign":  # flat everywhere but at 0
            return
        if len(node.args) == 1:
            self.give(a, self._unary(index, node.op, a, d))
            return
        c = node.args[1]
        if node.op == "add":
            self.give(a, d)
            self.give(c, d)
        elif node.op == "sub":
            self.give(a, d)
            self.give(c, apply("neg", d))
        elif node.op == "mul":
            self.give(a, apply("mul", d, self.saved(c)))
            self.give(c, apply("mul", d, self.saved(a)))
        elif node.op == "div":
            self.give(a, apply("div", d, self.saved(c)))
            quotient = apply("div", self.saved(index), self.saved(c))
            self.give(c, apply("neg", apply("mul", d, quotient)))
        else:  # maximum, minimum: an equal pair shares
            share = apply("share", self.saved(a), self.saved(c))
            other = apply("sub", one, share)
            first, second = (share, other) if node.op == "maximum" else (other, share)
            self.give(a, apply("mul", d, first))
            self.give(c, apply("mul", d, second))

    def _unary(self, index: int, op: str, a: int, d: int) -> int:
        apply, one = self.graph.apply, self.graph.constant(1.0)
        y = self.saved(index) if op in ("sigmoid", "tanh", "relu", "exp", "expm1", "sqrt") else -1
        match op:
            case "neg":
                return apply("neg", d)
            case "sigmoid":
                return apply("mul", d, apply("mul", y, apply("sub", one, y)))
            case "tanh":
                return apply("mul", d, apply("sub", one, apply("mul", y, y)))
            case "relu":
                return apply("mul", d, apply("positive", y))
            case "softplus":
                return apply("mul", d, apply("sigmoid", self.saved(a)))
            case "exp":
                return apply("mul", d, y)
            case "log":
                return apply("div", d, self.saved(a))
            case "expm1":
                return apply("mul", d, apply("add", y, one))
            case "sqrt":
                return apply("mul", d, apply("sqrt_slope", y))
            case "abs":
                return apply("mul", d, apply("sign", self.saved(a)))
            case "sin":
                return apply("mul", d, apply("cos", self.saved(a)))
            case "cos":
                return apply("neg", apply("mul", d, apply("sin", self.saved(a))))
        raise AssertionError(f"no derivative is known of {op}")
