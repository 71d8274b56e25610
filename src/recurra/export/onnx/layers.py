"""Recurrent layers as ONNX: its own operators where a cell has one, a Scan over the program of the step where not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recurra.cells.catalogue import get
from recurra.equations.graph import MATRICES
from recurra.export.layer_steps import Floats, LayerStep, layer_steps
from recurra.export.onnx.graph import Graph
from recurra.layers.stack import Stack

PLAIN = {
    "add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "neg": "Neg", "sigmoid": "Sigmoid", "tanh": "Tanh",
    "relu": "Relu", "softplus": "Softplus", "exp": "Exp", "log": "Log", "sqrt": "Sqrt", "abs": "Abs", "sign": "Sign",
    "sin": "Sin", "cos": "Cos", "minimum": "Min", "maximum": "Max",
}  # fmt: skip


@dataclass(frozen=True)
class Operator:
    """One of ONNX. gates: of the cell's, in its order"""

    name: str
    gates: tuple[str, ...]
    attributes: tuple[tuple[str, object], ...] = ()


OPERATORS = {
    "lstm": Operator("LSTM", ("i", "o", "f", "g")),
    "gru": Operator("GRU", ("z", "r", "n"), (("linear_before_reset", 1),)),
    "gru-cho": Operator("GRU", ("z", "r", "n"), (("linear_before_reset", 0),)),
    "rnn": Operator("RNN", ("h",), (("activations", "Tanh"),)),
    "rnn-relu": Operator("RNN", ("h",), (("activations", "Relu"),)),
}


@dataclass(frozen=True)
class Ran:
    """Outputs [T, B, D*H], and of each state its last values [L*D, B, H]."""

    y: str
    last: tuple[str, ...]


def operator_of(stack: Stack) -> Operator | None:
    """The operator that is this stack's step, if there is one."""
    program = stack.evaluated_cell.program(bias=stack.bias)
    for name, operator in OPERATORS.items():
        if get(name).program(bias=stack.bias).fingerprint == program.fingerprint:
            return operator
    return None


def run_stack(graph: Graph, stack: Stack, x: str, state: Sequence[str] | None, lengths: str | None, batch: str) -> Ran:
    """The layers over a sequence.

    state: for each state of the cell [L*D, B, H], what the stack begins with if None; lengths: int64 [B], or None
    for all T; batch: int64 [1]. Shapes: x [T, B, I]
    """
    operator, steps = operator_of(stack), layer_steps(stack)
    directions = stack.num_directions
    first = steps[0][0].program.states
    starts = _starts(graph, steps, batch) if state is None else list(state)
    rows = [graph.split(s, [1] * (len(steps) * directions), 0) for s in starts]  # [1, B, H]
    there = None if lengths is None else _within(graph, x, lengths)
    ends: list[list[str]] = [[] for _ in first]
    for layer, each in enumerate(steps):
        own = [[parts[layer * directions + d] for parts in rows] for d in range(directions)]
        if operator is not None:
            outputs, last = _by_operator(graph, operator, each, x, own, lengths)
        else:
            outputs, last = [], [[] for _ in first]
            for d, step in enumerate(each):
                y, after = _by_scan(graph, step, x, [graph.squeeze(s, 0) for s in own[d]], there, reverse=d == 1)
                outputs.append(y)
                for found, value in zip(last, after, strict=True):
                    found.append(graph.unsqueeze(value, 0))
        for collected, found in zip(ends, last, strict=True):
            collected += found
        x = outputs[0] if len(outputs) == 1 else _merged(graph, stack, outputs)
    return Ran(x, tuple(graph.concat(parts, 0) for parts in ends))


def _merged(graph: Graph, stack: Stack, outputs: list[str]) -> str:
    return graph.concat(outputs, 2) if stack.merge == "concat" else graph.add(*outputs)


def _starts(graph: Graph, steps: list[list[LayerStep]], batch: str) -> list[str]:
    """What a stack begins with, for each row of the batch."""
    found = []
    for place in range(len(steps[0][0].starts)):
        begun = np.stack([step.starts[place] for each in steps for step in each])[:, None]
        found.append(for_each_row(graph, begun, batch))
    return found


def for_each_row(graph: Graph, begun: Floats, batch: str) -> str:
    """What a state begins with. batch: int64 [1]. Shapes: [L*D, 1, H] -> [L*D, B, H]"""
    shape = graph.concat([graph.ints(len(begun)), batch, graph.ints(begun.shape[2])], 0)
    return graph.op("Expand", graph.constant(begun), shape)


def _within(graph: Graph, x: str, lengths: str) -> str:
    """Whether a step is of its row. Shapes: -> bool [T, B, 1]"""
    steps = graph.unsqueeze(graph.steps(graph.size(x, 0)), 1)
    return graph.unsqueeze(graph.op("Less", steps, graph.unsqueeze(lengths, 0)), 2)


def _by_operator(
    graph: Graph, operator: Operator, steps: list[LayerStep], x: str, state: list[list[str]], lengths: str | None
) -> tuple[list[str], list[list[str]]]:
    """-> for each direction its outputs; for each state its last values"""
    hidden, both = steps[0].sizes["H"], len(steps) == 2
    stacked = [_stored(step, operator) for step in steps]
    w, r, b = (np.stack(parts) for parts in zip(*stacked, strict=True))
    attributes = dict(operator.attributes)
    if "activations" in attributes:
        attributes["activations"] = [attributes["activations"]] * len(steps)
    begun = [graph.concat([own[i] for own in state], 0) for i in range(len(state[0]))]
    ends = "" if lengths is None else graph.cast(lengths, "INT32")
    count = 1 + len(begun)
    y, *last = graph.many(
        operator.name,
        [x, graph.constant(w), graph.constant(r), graph.constant(b), ends, *begun],
        count,
        hidden_size=hidden,
        direction="bidirectional" if both else "forward",
        **attributes,
    )
    parts = [graph.squeeze(part, 1) for part in graph.split(y, [1] * len(steps), 1)]
    return parts, [[each] for each in last]


def _stored(step: LayerStep, operator: Operator) -> tuple[Floats, Floats, Floats]:
    """W [G*H, I], R [G*H, H] and both biases [2*G*H], gates in the operator's order."""
    kinds = {kind: dict[str, Floats]() for kind in ("W", "R", "b", "rb")}
    for parameter, values in step.weights.items():
        kinds[parameter.kind][parameter.gate] = values
    nothing = np.zeros(step.sizes["H"], np.float32)
    biases = [kinds[kind].get(gate, nothing) for kind in ("b", "rb") for gate in operator.gates]
    return (
        np.concatenate([kinds["W"][gate] for gate in operator.gates]),
        np.concatenate([kinds["R"][gate] for gate in operator.gates]),
        np.concatenate(biases),
    )


def _by_scan(
    graph: Graph, step: LayerStep, x: str, state: list[str], there: str | None, *, reverse: bool
) -> tuple[str, list[str]]:
    """A layer in one direction: what depends on the input alone for all steps at once, the rest in a Scan.

    state: [B, H] each. Shapes: -> outputs [T, B, H], the last states [B, H]
    """
    program = step.program
    hoisted = set(program.hoisted) - set(step.fixed)
    outside = _Step(graph, step, {i: x for i, n in enumerate(program.nodes) if n.op == "input"})
    outside.run(sorted(hoisted))
    leaves = {i for i, n in enumerate(program.nodes) if n.op in ("input", "state")}
    inside = [i for i in range(len(program.nodes)) if i not in hoisted | leaves and i not in step.fixed]
    reads = {a for i in inside for a in program.nodes[i].args} | set(program.outputs)
    given = sorted(i for i in reads if i in hoisted or program.nodes[i].op == "input")
    body = Graph(graph.fresh("step"), graph)
    kind = "FLOAT"
    old = [body.input(graph.fresh(f"old_{s}"), kind, ["B", step.sizes[program.width(s)]]) for s in program.states]
    scanned = [body.input(graph.fresh("given"), kind, ["B", step.width(i)]) for i in given]
    alive = None if there is None else body.input(graph.fresh("there"), "BOOL", ["B", 1])
    labels = {n.label: i for i, n in enumerate(program.nodes) if n.op == "state"}
    known = {labels[s]: name for s, name in zip(program.states, old, strict=True)} | dict(
        zip(given, scanned, strict=True)
    )
    run = _Step(body, step, known)
    run.run(inside)
    new = [run.value(o) for o in program.outputs]
    y = new[0]
    if alive is not None:
        new = [body.where(alive, n, o) for n, o in zip(new, old, strict=True)]
        y = body.where(alive, y, body.number(0.0))
    for s, value in zip(program.states, new, strict=True):
        body.output(value, graph.fresh(f"new_{s}"), kind, ["B", step.sizes[program.width(s)]])
    body.output(y, graph.fresh("y"), kind, ["B", step.outputs])
    scans = [outside.value(i) for i in given] + ([] if there is None else [there])
    found = graph.many(
        "Scan",
        [*state, *scans],
        len(state) + 1,
        body=body.body(),
        num_scan_inputs=len(scans),
        scan_input_directions=[int(reverse)] * len(scans),
        scan_output_directions=[int(reverse)],
    )
    return found[-1], found[:-1]


class _Step:
    """Nodes of a program as those of a graph; what is fixed is a constant."""

    def __init__(self, graph: Graph, step: LayerStep, values: dict[int, str]) -> None:
        self.graph, self.step, self.values = graph, step, values
        self.means: dict[int, str] = {}

    def value(self, i: int) -> str:
        if i in self.step.fixed:
            fixed = self.step.fixed[i]
            return self.graph.number(float(fixed[0])) if fixed.size == 1 else self.graph.constant(fixed)
        return self.values[i]

    def run(self, wanted: Sequence[int]) -> None:
        nodes = self.step.program.nodes
        groups: dict[tuple[str, int], list[int]] = defaultdict(list)
        for i in wanted:
            if nodes[i].op in MATRICES:
                groups[nodes[i].op, nodes[i].args[0]].append(i)
        for i in wanted:
            if i in self.values:
                continue
            if nodes[i].op in MATRICES:
                self._product(groups[nodes[i].op, nodes[i].args[0]])
            else:
                self.values[i] = self._compute(i)

    def _product(self, members: list[int]) -> None:
        """All products of one operand at once."""
        nodes, graph = self.step.program.nodes, self.graph
        matrices = [self.step.weights[p] for i in members if (p := nodes[i].parameter) is not None]
        whole = graph.linear(self.value(nodes[members[0]].args[0]), np.concatenate(matrices))
        parts = graph.split(whole, [len(m) for m in matrices], -1)
        self.values |= dict(zip(members, parts, strict=True))

    def _compute(self, i: int) -> str:
        graph, node = self.graph, self.step.program.nodes[i]
        args = [self.value(a) for a in node.args]
        if node.op == "spread":
            centred = self._centred(node.args[0])
            variance = graph.mean(graph.mul(centred, centred), -1)
            root = graph.op("Sqrt", graph.add(variance, graph.number(node.value or 0.0)))
            return graph.op("Reciprocal", root)
        if node.op == "normalize":
            return graph.mul(self._centred(node.args[0]), args[1])
        if node.op == "expm1":  # without the difference of two large numbers
            half = graph.op("Tanh", graph.mul(args[0], graph.number(0.5)))
            return graph.mul(half, graph.add(graph.op("Exp", args[0]), graph.number(1.0)))
        return graph.op(PLAIN[node.op], *args)

    def _centred(self, i: int) -> str:
        if i not in self.means:
            self.means[i] = self.graph.sub(self.value(i), self.graph.mean(self.value(i), -1))
        return self.means[i]
