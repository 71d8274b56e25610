"""What a cell is and who would run it: its equations, its counts, its paper, and each engine's answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from recurra.cells.catalogue import get
from recurra.cells.definition import Cell
from recurra.equations.graph import MATRICES
from recurra.equations.program import Program
from recurra.equations.render import equations, written
from recurra.errors import UsageError
from recurra.layers.stack import Stack


@dataclass(frozen=True)
class Explanation:
    """One layer and direction of a cell.

    equations, latex: one line for each named value; parameters: numbers to learn; flops_per_step: of one step of
    one row, forward; hoisted, recurrent: matrix products that run once for the whole sequence, and at every step;
    linear: whether the states come out of a step as a linear map of those before it; units_apart: whether no unit sees
    another one's state; saved_bytes: what the native engine keeps of a step and row for the backward pass, in float32;
    kept: values of a step that backpropagation reads again; engines: in order of preference, with None for one
    that can run the cell on this device and otherwise its reason; settings: what was asked for beside the sizes, a line
    each.
    """

    name: str
    title: str
    source: str
    states: tuple[str, ...]
    equations: list[str]
    latex: list[str]
    input_size: int
    hidden_size: int
    parameters: int
    flops_per_step: int
    hoisted: int
    recurrent: int
    linear: bool
    units_apart: bool
    saved_bytes: int
    kept: list[str]
    engines: list[tuple[str, str | None]]
    device: str
    settings: list[str]

    def text(self, *, latex: bool = False) -> str:
        """For a terminal: lines without a final newline."""
        head = [f"{self.name}: {self.title}", *([self.source] if self.source else [])]
        lines = _aligned(self.latex, " &= ") if latex else _aligned(self.equations, " = ")
        if latex:
            lines = [r"\begin{aligned}", *(f"{line} \\\\" for line in lines), r"\end{aligned}"]
        steps = "product" if self.recurrent == 1 else "products"
        counts = [
            f"input {self.input_size:,}, hidden {self.hidden_size:,}, one layer, one direction:",
            *(f"  {line}" for line in self.settings),
            f"  parameters {self.parameters:,} · FLOPs per step and row {self.flops_per_step:,}",
            f"  {self.hoisted} of {self.hoisted + self.recurrent} matrix products run once for the whole sequence, "
            f"{self.recurrent} {steps} at every step",
            f"  {_STEPS[self.linear, self.units_apart]}",
            f"  kept for the backward pass, {self.saved_bytes:,} bytes a step and row: {', '.join(self.kept)}",
        ]
        return "\n".join([*head, "", *(f"  {line}" for line in lines), "", *counts, "", *self._engine_lines()])

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from recurra.report.card import Card, build_card
        from recurra.report.mathtext import draw_equation

        lines = self.text().split("\n\n")
        counts = [line.strip() for line in lines[-2].splitlines()]
        drawn = [(draw_equation(latex, text), text) for latex, text in zip(self.latex, self.equations, strict=True)]
        engines = [line.split(maxsplit=1) for line in self._engine_lines()[1:]]
        return build_card(
            Card(
                f"{self.name}: {self.title}",
                self.source,
                drawn,
                [f"engine on {self.device}", ""],
                engines,
                lines=counts,
            )
        )

    def _engine_lines(self) -> list[str]:
        width = max(len(name) for name, _ in self.engines)
        first = next((name for name, reason in self.engines if reason is None), None)
        lines = [f"engines on {self.device}, in order of preference:"]
        for name, reason in self.engines:
            answer = reason if reason is not None else "runs it" if name == first else "could run it"
            lines.append(f"  {name:<{width}}  {answer}")
        return lines


_STEPS = {
    (
        True,
        True,
    ): "linear in its state, and units do not see each other: many steps run at once, as fast as the input's products",
    (False, True): "units do not see each other: many steps run at once, as fast as the input's products",
    (True, False): "linear in its state, but a step waits for what all units were before it",
    (False, False): "not linear in its state: a step waits for the one before",
}
"""What linear, units_apart give."""


def explain(
    cell: str | Cell,
    *,
    input_size: int = 128,
    hidden_size: int = 256,
    bias: bool = True,
    device: str = "cpu",
    rank: int = 0,
    heads: int = 1,
    zoneout: float = 0.0,
    zoneout_cell: float = 0.0,
) -> Explanation:
    """Everything that is known of a cell before it is trained.

    rank, heads, zoneout, zoneout_cell: as a layer takes them; with zoneout the equations are those of training.
    Errors: UnknownNameError for a name that no cell has; UsageError for sizes under 1, and for what a layer refuses
    """
    from recurra.engines.choose import explain_choice
    from recurra.engines.native.directions import computed_anew
    from recurra.engines.native.prologue import of_weights_alone

    for size, value in (("input_size", input_size), ("hidden_size", hidden_size)):
        if value < 1:
            raise UsageError(f"{size} must be at least 1, got {value}")
    own = get(cell)
    stack = Stack(
        1,
        hidden_size,
        cell=own,
        bias=bias,
        rank=rank,
        heads=heads,
        zoneout=zoneout,
        zoneout_cell=zoneout_cell,
        device="meta",
    )
    found = stack.trained_cell
    program = found.program(bias=bias)
    alone = of_weights_alone(program)
    anew = computed_anew(found.derivative(bias=bias), alone)
    saved = tuple(i for i in found.derivative(bias=bias).saved if i not in anew)
    products = [i for i, node in enumerate(program.nodes) if node.op in MATRICES]
    return Explanation(
        name=own.name,
        title=own.title,
        source=found.source,
        states=found.states,
        equations=equations(program),
        latex=equations(program, latex=True),
        input_size=input_size,
        hidden_size=hidden_size,
        parameters=program.parameter_count(input_size, hidden_size, stack.narrow, heads),
        flops_per_step=program.flops(input_size, hidden_size, stack.narrow, heads),
        hoisted=len(products) - len(program.recurrent_products),
        recurrent=len(program.recurrent_products),
        linear=program.linear,
        units_apart=program.units_apart,
        saved_bytes=_saved_bytes(program, found.derivative(bias=bias).saved, anew | alone, hidden_size, stack.narrow),
        kept=_kept(program, saved, alone),
        engines=explain_choice(
            found, input_size=input_size, hidden_size=hidden_size, bias=bias, device=device, proj_size=stack.narrow
        ),
        device=device,
        settings=_settings(
            rank, heads, dict(zip(program.given, [p for p in (zoneout, zoneout_cell) if p], strict=True))
        ),
    )


def _settings(rank: int, heads: int, masks: dict[str, float]) -> list[str]:
    lines = [f"recurrent matrices of rank {rank}, R.g P.g"] if rank else []
    lines += [f"{heads} heads: each group of units sees its own past alone"] if heads > 1 else []
    for mask, share in masks.items():
        lines.append(f"zoneout: {mask} is 1 for {share:.0%} of the units, anew at every step; in evaluation {share:g}")
    return lines


def compared(found: Sequence[Explanation]) -> list[list[str]]:
    """A table of several cells: a header, then a row for each."""
    header = [
        "cell",
        "states",
        "parameters",
        "FLOPs a step",
        "saved bytes a step",
        "products once",
        "at every step",
        "steps",
    ]
    rows = [
        [
            e.name,
            ", ".join(e.states),
            f"{e.parameters:,}",
            f"{e.flops_per_step:,}",
            f"{e.saved_bytes:,}",
            str(e.hoisted),
            str(e.recurrent),
            "many at once" if e.units_apart else "one by one",
        ]
        for e in found
    ]
    return [header, *rows]


def _kept(program: Program, saved: tuple[int, ...], alone: set[int]) -> list[str]:
    """The saved values as they are written; weights, what is made of them alone, and masks are there anyway."""
    nodes = program.nodes
    masks = {i for i in saved if all(nodes[a].op in ("given", "constant") for a in nodes[i].args or (i,))}
    return [written(program, i) for i in saved if i not in alone and i not in masks]


def _saved_bytes(program: Program, saved: tuple[int, ...], made: set[int], hidden_size: int, narrow: int | None) -> int:
    """Of what backward reads: all but input, masks and what it makes itself; a state before and after a step is one."""
    nodes, there = program.nodes, {*saved, *program.outputs} - made
    read, waiting = set[int](), list(saved)
    while waiting:
        i = waiting.pop()
        read.add(i)
        waiting += nodes[i].args if i not in there else ()
    after = dict(zip(program.states, program.outputs, strict=True))
    states = {after[nodes[i].label or ""] for i in read if nodes[i].op == "state"}
    others = {i for i in read if i in there and nodes[i].op not in ("input", "state", "given", "constant", "vector")}
    kept = states | others
    width = {"B": 1, "N": narrow or hidden_size}
    return 4 * sum(width.get(nodes[i].width, hidden_size) for i in kept)


def _aligned(lines: list[str], sign: str) -> list[str]:
    """Left sides padded so that the signs stand below each other."""
    sides = [line.split(" = ", 1) for line in lines]
    width = max(len(left) for left, _ in sides)
    return [f"{left:<{width}}{sign}{right}" for left, right in sides]
