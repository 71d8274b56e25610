"""The two directions of a step as code: forward from a cell's program, backward from its derivative."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial, reduce

from recurra.engines.native.bytecode import CODE, NONE, ROW_SUMS, kind_of, matrix, number_of, slot
from recurra.engines.native.registers import Levels, place
from recurra.engines.native.schedule import Items
from recurra.engines.native.values import Value, Values
from recurra.equations.derivative import Derivative
from recurra.equations.graph import MATRICES, Node, Parameter

COMPUTED_ANEW = {"add": 1, "sub": 1, "mul": 1, "neg": 1, "sqrt": 2}
"""What backward computes from values that it has anyway, 1 - z from z, and what it costs; to write a value and to read
it again, from a far cache, takes longer than MOST_COMPUTED of the cheapest."""

MOST_COMPUTED = 3


@dataclass(frozen=True)
class Code:
    """Words of one direction, the table of constants not yet in its final size, and its levels.

    widths: for each state 1 if it is as wide as a projection, and 1 if weight_hh maps values of that width; kept: of
    backward, the states that it reads.
    """

    direction: int
    saved: int
    saved_rows: int
    widths: tuple[int, ...]
    columns: tuple[tuple[int, ...], ...]
    levels: Levels
    adjoints: tuple[int, int, int, int] = (0, 0, 0, 0)
    tail: tuple[int, ...] = ()
    kept: tuple[int, ...] = ()

    def words(self, states: int, vectors: int, constants: int) -> tuple[int, ...]:
        columns = [word for block, column in enumerate(self.columns) for word in (block, len(column), *column)]
        return (
            CODE, self.direction, states, len(self.columns), vectors, constants, self.saved, self.saved_rows,
            self.levels.steps, self.levels.temps, self.levels.rows, *self.adjoints, self.levels.count,
            *self.widths, *columns, *self.levels.words, *self.tail,
        )  # fmt: skip


class Directions:
    """What the directions of one cell share: the numbers of weights, of constants and of what is kept."""

    def __init__(self, derivative: Derivative) -> None:
        self.derivative, self.program = derivative, derivative.forward
        program = self.program
        self.vectors = tuple(q for q in program.parameters if q.kind not in MATRICES)
        self.blocks = {q: program.gates_of(q.kind).index(q.gate) for q in program.parameters if q.kind in MATRICES}
        narrow = [program.width(s) == "N" for s in program.states]
        maps_narrow = any(n.op == "R" and program.nodes[n.args[0]].width == "N" for n in program.nodes)
        self.widths = (*map(int, narrow), int(maps_narrow))
        self.constants: list[float] = []
        kept = [
            n
            for n in derivative.saved
            if program.nodes[n].op not in ("input", "state", "given", "constant") and n not in program.outputs
        ]
        anew = computed_anew(derivative)
        self.saved_rows = {n: number for number, n in enumerate(n for n in kept if program.nodes[n].width == "B")}
        kept = [n for n in kept if n not in anew and n not in self.saved_rows]
        self.saved = {n: number for number, n in enumerate(kept)}

    def forward(self, *, train: bool) -> Code:
        """The new states; with `train` what backward reads, too. The same arithmetic either way."""
        program = self.program
        values = Values([slot("BEFORE", i) for i in range(len(program.states))])
        at: list[int] = []
        for node in program.nodes:
            at.append(self._value_forward(values, node, at))
        columns = len(program.gates_of("W"))
        items = Items(values, {at[n] for n in (*program.outputs, *self.saved)}, self.constants, columns)
        targets = [(at[n], slot("AFTER", i)) for i, n in enumerate(program.outputs)]
        if train:
            targets += [(at[n], slot("SAVED", number)) for n, number in self.saved.items()]
            targets += [(at[n], slot("SAVED_ROW", number)) for n, number in self.saved_rows.items()]
        levels = place(items, targets, {at[n] for n in self.saved})
        kept = (len(self.saved), len(self.saved_rows)) if train else (0, 0)
        return Code(0, *kept, self.widths, tuple(map(tuple, items.columns)), levels)

    def backward(self) -> tuple[Code, tuple[tuple[Parameter, int], ...]]:
        """The old states' adjoints and what the weights' gradients are made of; reductions of the vector weights."""
        derivative = self.derivative
        values = Values([slot("CARRY_IN", i) for i, n in enumerate(derivative.states) if n is not None])
        at: list[int] = []
        for node in derivative.nodes:
            at.append(self._value_backward(values, node, at))
        flows = {q: (at[adjoint], operand) for q, adjoint, operand in derivative.parameters}
        carries = [(n, slot("CARRY_OUT", i)) for i, n in enumerate(derivative.states) if n is not None]
        in_blocks = not any(value.op in ("product", *ROW_SUMS) for value in values.all)
        carries = [(_scanned(values, at[n]) if in_blocks else at[n], to) for n, to in carries]
        items = Items(values, {v for v, _ in [*flows.values(), *carries]}, self.constants, 0)

        sums: dict[int, int] = {}
        reductions = tuple((q, sums.setdefault(flows[q][0], len(sums))) for q in self.vectors if q in flows)
        for value, number in sums.items():
            items.add("reduce", (items.at[value],), number=number)

        w = [(self.blocks[q], v) for q, (v, _) in flows.items() if q.kind == "W"]
        r = [
            (matrix(q.kind, self.blocks[q]), v, operand)
            for q, (v, operand) in flows.items()
            if q.kind in ("R", "P") and operand is not None
        ]
        shared, r_only, w_only = _columns(sorted(w), sorted(r, key=lambda e: e[0]))
        column_of = {v: len(w_only) + j for j, v in enumerate([*(v for _, v in shared), *r_only])}
        targets = [(v, slot("ADJOINT", j)) for v, j in column_of.items()]
        targets += [(v, slot("ADJOINT", j)) for j, (_, v) in enumerate(w_only)]
        levels = place(items, [*targets, *carries])

        tail = [int(n is not None) for n in derivative.states] + [block for block, _ in (*w_only, *shared)]
        for block, value, operand in sorted(r, key=lambda e: (column_of[e[1]], e[0])):
            tail += [block, column_of[value], self._slot_kept(operand)]
        sizes = (len(targets), len(w), len(r), len(sums))
        kept = (len(self.saved), len(self.saved_rows))
        read = [value.slot for number, value in enumerate(values.all) if items.uses[number] and value.op == "leaf"]
        read += [self._slot_kept(operand) for _, _, operand in r]
        states = tuple(sorted({number_of(word) for word in read if kind_of(word) in ("BEFORE", "AFTER")}))
        return Code(1, *kept, self.widths, (), levels, sizes, tuple(tail), states), reductions

    # values of the nodes

    def _value(self, values: Values, node: Node, at: Sequence[int]) -> int:
        """What has the same meaning in both directions."""
        if node.op == "constant":
            assert node.value is not None
            return values.constant(node.value)
        if node.op == "spread":
            (of,) = (at[a] for a in node.args)
            return values.add(Value("moments", (of,), number=node.value or 0.0, narrow=values.all[of].narrow))
        if node.op == "normalize_back":
            narrow = values.all[at[node.args[0]]].narrow
            means = values.add(Value("means", tuple(at[a] for a in node.args), narrow=narrow))
            return values.add(Value("normalize_back", (at[node.args[0]], at[node.args[1]], means), narrow=narrow))
        if node.parameter is None:
            return values.apply(node.op, *(at[a] for a in node.args))
        if node.op == "vector":
            return values.leaf(slot("VECTOR", self.vectors.index(node.parameter)))
        named = matrix(node.parameter.kind, self.blocks[node.parameter])
        return values.add(Value("product", (at[node.args[0]],), matrix=named, narrow=node.width == "N"))

    def _value_forward(self, values: Values, node: Node, at: Sequence[int]) -> int:
        if node.op == "input":
            return NONE
        if node.op == "W":
            assert node.parameter is not None
            return values.leaf(slot("COLUMN", self.blocks[node.parameter]))
        if node.op == "state":
            assert node.label is not None
            return values.leaf(slot("BEFORE", self.program.states.index(node.label)), narrow=node.width == "N")
        if node.op == "given":
            assert node.label is not None
            return values.leaf(slot("GIVEN", self.program.given.index(node.label)), narrow=node.width == "N")
        return self._value(values, node, at)

    def _value_backward(self, values: Values, node: Node, at: Sequence[int]) -> int:
        if node.width == "I":  # the input's adjoint is the core's own
            return NONE
        if node.op == "saved":
            assert node.source is not None
            return self._value_kept(values, node.source)
        if node.op == "adjoint":
            assert node.label is not None
            state = self.program.states.index(node.label)
            narrow = bool(self.widths[state])
            carried = values.leaf(slot("CARRY_IN", state), narrow=narrow)
            return carried if state else values.apply("add", carried, values.leaf(slot("OUTPUT"), narrow=narrow))
        return self._value(values, node, at)

    def _value_kept(self, values: Values, index: int) -> int:
        """A value of forward, in backward."""
        node = self.program.nodes[index]
        if not self._is_kept(index):
            return values.apply(node.op, *(self._value_kept(values, a) for a in node.args))
        if node.op in ("constant", "vector") and index not in self.saved:
            return self._value(values, node, ())
        return values.leaf(self._slot_kept(index), narrow=node.width == "N")

    def _is_kept(self, index: int) -> bool:
        leaf = self.program.nodes[index].op in ("state", "given", "constant", "vector")
        return leaf or index in {*self.program.outputs, *self.saved, *self.saved_rows}

    def _slot_kept(self, index: int) -> int:
        node = self.program.nodes[index]
        if node.op == "state":
            assert node.label is not None
            return slot("BEFORE", self.program.states.index(node.label))
        if node.op == "given":
            assert node.label is not None
            return slot("GIVEN", self.program.given.index(node.label))
        if index in self.saved_rows:
            return slot("SAVED_ROW", self.saved_rows[index])
        if index in self.program.outputs:
            return slot("AFTER", self.program.outputs.index(index))
        return slot("SAVED", self.saved[index])


def _scanned(values: Values, carry: int) -> int:
    """(CARRY_IN + d) a b, where d waits for nothing, as CARRY_IN (a b) + d (a b): one instruction leads from a step to
    the one before, where steps run many at once.
    """
    waiting, total, factors = values.waiting(), carry, []
    while values.all[total].op == "mul":
        late = [a for a in values.all[total].args if a in waiting]
        if len(late) != 1:
            return carry
        factors += [a for a in values.all[total].args if a not in waiting]
        total = late[0]
    args = values.all[total].args
    added = [values.all[a].op for a in args if a in waiting]
    if values.all[total].op != "add" or added != ["leaf"] or not factors:
        return carry
    factor = reduce(partial(values.apply, "mul"), factors)
    return values.apply("add", *(values.apply("mul", a, factor) for a in args))


def computed_anew(derivative: Derivative, alone: Collection[int] = ()) -> set[int]:
    """Nodes of forward that backward reads and computes, instead of their being kept.

    alone: what weights alone make, which is there anyway
    """
    program, saved = derivative.forward, derivative.saved
    nodes, outputs = program.nodes, program.outputs

    def is_there(n: int) -> bool:
        return nodes[n].op in ("state", "given", "constant", "vector") or n in {*saved, *outputs, *alone}

    def cost(n: int) -> int:
        if nodes[n].op not in COMPUTED_ANEW:
            return MOST_COMPUTED + 1
        return COMPUTED_ANEW[nodes[n].op] + sum(0 if is_there(a) else cost(a) for a in nodes[n].args)

    operands = {operand for q, _, operand in derivative.parameters if q.kind in ("R", "P")}
    return {n for n in saved if n not in {*outputs, *operands, *alone} and cost(n) <= MOST_COMPUTED}


def _columns(
    w: Sequence[tuple[int, int]], r: Sequence[tuple[int, int, int]]
) -> tuple[list[tuple[int, int]], list[int], list[tuple[int, int]]]:
    """The columns of adjoints: those that W and R share, those of R alone, those of W alone.

    A value that several W gates need has a column for each of them, and R reads the one that is shared.
    """
    recurrent = dict.fromkeys(v for _, v, _ in r)
    shared = {v: block for block, v in w if v in recurrent}
    pairs = sorted((block, v) for v, block in shared.items())
    return pairs, [v for v in recurrent if v not in shared], [e for e in w if e not in pairs]
