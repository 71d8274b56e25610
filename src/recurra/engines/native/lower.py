"""Programs and their derivatives as the code that the core runs."""

from __future__ import annotations

from dataclasses import dataclass, replace

from recurra.engines.native.bytecode import MAX_GIVEN, MAX_OPERANDS, MAX_STATES, MAX_VECTORS
from recurra.engines.native.directions import Code, Directions
from recurra.equations.derivative import Derivative, derive
from recurra.equations.graph import BINARY, MATRICES, OVER_UNITS, UNARY, Graph, Node, Parameter, Width
from recurra.equations.program import Program
from recurra.errors import EngineError


@dataclass(frozen=True)
class Lowered:
    """A cell's code.

    train, infer: forward, with and without what backward reads; backward. Words as recurra.h has them.
    constants: one table for the three. vectors: weight of each SLOT_VECTOR. reductions: for each vector weight that
    something flows into, the number of the reduction that sums its gradient; weights may share one. saved, saved_rows:
    values of a step, and numbers of its rows, that are kept for backward, the states aside; kept_states: those states
    that are kept, too, since backward reads them. in_blocks: whether steps run many at once, for nothing in them reads
    whole rows.
    Row blocks of weight_ih, weight_hh and weight_hr are in the order of program.gates_of("W"), ("R") and ("P"). What
    the code does not mention, a block or a vector, has the gradient zero.
    """

    train: tuple[int, ...]
    infer: tuple[int, ...]
    backward: tuple[int, ...]
    constants: tuple[float, ...]
    vectors: tuple[Parameter, ...]
    reductions: tuple[tuple[Parameter, int], ...]
    reduction_count: int
    saved: int
    saved_rows: int
    kept_states: tuple[int, ...]
    in_blocks: bool


def why_not(program: Program) -> str | None:
    """What in a program the core cannot take, with its numbers; None if it can."""
    return _unknown(program) or _too_large(*_codes(Directions(derive(program)))[0])


def lower(program: Program, derivative: Derivative) -> Lowered:
    """The code of a program and of its derivative.

    Errors: EngineError with the reason that `why_not` gives
    """
    reason = _unknown(program)
    if reason is None:
        made = Directions(derivative)
        codes, reductions = _codes(made)
        reason = _too_large(*codes)
    if reason is not None:
        raise EngineError(f"the core cannot take {program.name}: {reason}")
    train, infer, backward = (c.words(len(program.states), len(made.vectors), len(made.constants)) for c in codes)
    count = len({number for _, number in reductions})
    return Lowered(
        train,
        infer,
        backward,
        tuple(made.constants),
        made.vectors,
        reductions,
        count,
        len(made.saved),
        len(made.saved_rows),
        codes[2].kept,
        codes[0].levels.in_blocks,
    )


def masked(program: Program) -> Program:
    """The program with every operand of a recurrent product multiplied by one more state, which stays as it is."""
    mapped: Width = next((program.nodes[program.nodes[i].args[0]].width for i in sorted(program.dropped)), "H")
    graph, taken = Graph(), set(program.arguments)
    name = next(n for n in ("mask" + "_" * i for i in range(len(taken) + 1)) if n not in taken)
    at: list[int] = []
    first = len(program.arguments)
    for index, node in enumerate(program.nodes):
        if index == first:
            mask = graph.add(Node("state", width=mapped, label=name))
        args = tuple(at[a] for a in node.args)
        if index in program.dropped:
            args = (graph.apply("mul", args[0], mask),)
        at.append(graph.add(replace(node, args=args)))
    return Program(
        program.name,
        (*program.arguments, name),
        tuple(graph.nodes),
        (*(at[o] for o in program.outputs), mask),
        tuple(sorted((at[i], n) for i, n in program.names)),
        program.gates,
    )


def _unknown(program: Program) -> str | None:
    if len(program.states) > MAX_STATES:
        return f"it has {len(program.states)} states, the core has room for {MAX_STATES}"
    if len(program.given) > MAX_GIVEN:
        return f"a step of it is given {len(program.given)} masks, the core has room for {MAX_GIVEN}"
    vectors = [q for q in program.parameters if q.kind not in MATRICES]
    if len(vectors) > MAX_VECTORS:
        return f"it has {len(vectors)} biases and peephole weights, the core has room for {MAX_VECTORS}"
    for node in program.nodes:
        if node.op in ("input", "state", "given", "constant", "vector"):
            continue
        if node.op == "W":
            if program.nodes[node.args[0]].op != "input":
                return f"{node.parameter} maps something else than the input itself"
        elif node.width == "I" or any(program.nodes[a].width == "I" for a in node.args):
            return f"{node.op} works on the input itself, the core only on its products with W"
        elif node.op not in ("R", "P") and node.op not in (*UNARY, *BINARY, *OVER_UNITS):
            return f"the core has no operation {node.op}"
    return _meets_both_widths(program)


def _meets_both_widths(program: Program) -> str | None:
    """Of a number for the whole layer, whose adjoint would be as wide as the units and as a projection at once."""
    widths: dict[Parameter | None, set[Width]] = {}
    for node in program.nodes:
        for read in (program.nodes[a] for a in node.args):
            if read.op == "vector":
                widths.setdefault(read.parameter, set()).add(node.width)
    if any(found >= {"H", "N"} for found in widths.values()):
        return "one k meets values as wide as the units [H] and as wide as a projection [N]; give each a k of its own"
    return None


def _codes(made: Directions) -> tuple[tuple[Code, Code, Code], tuple[tuple[Parameter, int], ...]]:
    backward, reductions = made.backward()
    return (made.forward(train=True), made.forward(train=False), backward), reductions


def _too_large(*codes: Code) -> str | None:
    slots = max(c.levels.slots for c in codes)
    products = max(c.levels.products for c in codes)
    if max(slots, products) <= MAX_OPERANDS:
        return None
    return f"it works on {slots} values and {products} products at once, the core has room for {MAX_OPERANDS} of each"
