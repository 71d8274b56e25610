"""How a layer's settings change a cell's equations: recurrent matrices of low rank, zoneout.

A variant is a cell like any other: every engine runs it, and its derivative is derived. It is made once for each cell
and setting, and found again by its name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

from recurra.cells.definition import Cell
from recurra.equations.graph import Graph, Node, Parameter
from recurra.equations.program import Program
from recurra.errors import CellError

Shares = tuple[float, float]
"""Of units that keep their first state, the output, and of those that keep all others."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Variant(Cell):
    """A cell whose program was changed after it had been traced.

    of: the cell that it was made of; change: of its program; variant: what the change is called
    """

    of: Cell
    change: Callable[[Program], Program]
    variant: str  # type: ignore[misc]

    def _traced(self) -> tuple[dict[bool, Program], str]:
        programs: dict[bool, Program] = self.of._programs  # type: ignore[attr-defined]
        without: str = self.of._why_not_without_bias  # type: ignore[attr-defined]
        return {bias: self.change(program) for bias, program in programs.items()}, without

    def __reduce__(self) -> tuple[object, ...]:
        return _again, (self.of, self.name.removeprefix(self.of.name))


RANK, ZONEOUT = "+rank", "+zoneout"


def _made(of: Cell, suffix: str, variant: str, change: Callable[[Program], Program]) -> Cell:
    return Variant(
        of.name + suffix,
        f"{of.title}, {variant}",
        of.source,
        of.function,
        of.initial_bias,
        of.initial,
        of=of,
        change=change,
        variant=variant,
    )


@cache
def low_rank(cell: Cell) -> Cell:
    """Every R.g @ v as U_g (V_g v): weight_hr stacks the V [rank, H], weight_hh the U [H, rank].

    Source: as Kusupati et al. 2018, FastGRNN, arXiv:1901.02358
    Errors: CellError for a cell that has no recurrent product or a projection of its own
    """
    if "weight_hh" not in cell.layout() or cell.projected:
        raise CellError(f"{cell.name} has no recurrent product between its units, and so none of low rank")
    return _made(cell, RANK, "recurrent matrices of low rank", _factored)


@cache
def expected_zoneout(cell: Cell, shares: Shares) -> Cell:
    """Zoneout in evaluation: each state is the expectation p old + (1 - p) new.

    Source: Krueger et al. 2017, Zoneout: regularizing RNNs by randomly preserving hidden activations, arXiv:1606.01305
    """
    suffix = f"{ZONEOUT}={shares[0]!r}={shares[1]!r}"
    return _made(cell, suffix, "zoneout", lambda program: _zoned(program, shares, masked=False))


@cache
def masked_zoneout(cell: Cell, which: tuple[bool, bool]) -> Cell:
    """Zoneout in training: a step is given a mask of its first state, of all others, or of both; 1 keeps the old value.

    Source: as `expected_zoneout`
    """
    suffix = f"{ZONEOUT}:{which[0]:d}{which[1]:d}"
    shares = float(which[0]), float(which[1])
    return _made(cell, suffix, "zoneout", lambda program: _zoned(program, shares, masked=True))


def by_name(name: str, cells: Callable[[str], list[Cell]]) -> list[Cell]:
    """Variants of this name of the cells that `cells` finds by theirs; none if the name is no variant's."""
    base, plus, suffix = name.partition("+")
    return [_again(cell, plus + suffix) for cell in cells(base)] if plus else []


def _again(of: Cell, suffix: str) -> Cell:
    if suffix.startswith(RANK):
        of, suffix = low_rank(of), suffix.removeprefix(RANK)
    if not suffix:
        return of
    form, rest = suffix.removeprefix(ZONEOUT)[0], suffix.removeprefix(ZONEOUT)[1:]
    if form == ":":
        return masked_zoneout(of, (rest[0] == "1", rest[1] == "1"))
    first, others = rest.split("=")
    return expected_zoneout(of, (float(first), float(others)))


def _factored(program: Program) -> Program:
    """The program with two products in the place of each recurrent one."""
    graph, at = Graph(), dict[int, int]()
    for index, node in enumerate(program.nodes):
        args = tuple(at[a] for a in node.args)
        if node.op == "R" and node.parameter is not None:
            args = (graph.add(Node("P", args, "N", Parameter("P", node.parameter.gate))),)
        at[index] = graph.add(replace(node, args=args))
    return _renumbered(program, graph, at, [at[o] for o in program.outputs])


def _zoned(program: Program, shares: Shares, *, masked: bool) -> Program:
    """The program whose new states keep a share of the old ones. masked: by a mask, of the states whose share is not 0.

    All states but the first keep their old values together: they are one memory, whose parts belong to each other.
    """
    graph, at = Graph(), dict[int, int]()
    for index, node in enumerate(program.nodes):
        at[index] = graph.add(replace(node, args=tuple(at[a] for a in node.args)))
    labels = {n.label: i for i, n in enumerate(program.nodes) if n.op == "state"}
    taken, given = {*program.arguments, *(name for _, name in program.names)}, dict[int, int]()
    outputs = []
    for number, (state, output) in enumerate(zip(program.states, program.outputs, strict=True)):
        share, width = shares[min(number, 1)], program.width(state)
        if share == 0 or labels[state] == output:  # a state that stays as it is
            outputs.append(at[output])
            continue
        kept = graph.constant(share)
        if masked:
            kind = min(number, 1)
            if kind not in given:
                label = next(n for n in (f"z_{state}" + "_" * i for i in range(len(taken) + 1)) if n not in taken)
                given[kind] = graph.add(Node("given", width=width, label=label))
            kept = given[kind]
        old = graph.apply("mul", kept, at[labels[state]])
        new = graph.apply("mul", graph.apply("sub", graph.constant(1.0), kept), at[output])
        outputs.append(graph.apply("add", old, new))
    return _renumbered(program, graph, at, outputs)


def _renumbered(program: Program, graph: Graph, at: dict[int, int], outputs: list[int]) -> Program:
    """names: what a state's name stood for, where the state is another value now, is the new one's candidate."""
    changed = {s for s, o, n in zip(program.states, program.outputs, outputs, strict=True) if at[o] != n}
    names = sorted((at[i], f"new_{name}" if name in changed else name) for i, name in program.names)
    return Program(program.name, program.arguments, tuple(graph.nodes), tuple(outputs), tuple(names), program.gates)
