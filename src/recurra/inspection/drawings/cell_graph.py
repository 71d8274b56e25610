"""The data flow of a cell's step, from its program: what is made of what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator
from dataclasses import dataclass

from recurra.cells.catalogue import get
from recurra.cells.definition import Cell
from recurra.equations.graph import MATRICES, Node
from recurra.equations.program import Program
from recurra.equations.render import equations, named, spelt_out, written
from recurra.inspection.drawings.layering import arrange
from recurra.report.lettering import text_width
from recurra.report.sheet import SMALL, TITLE, Point, Sheet
from recurra.report.svg import BLUE, GREEN, INK, MUTED, ORANGE, PURPLE, TEAL

SIGNS = {"add": "+", "sub": "−", "mul": "×", "div": "÷", "neg": "−", "sigmoid": "σ"}
ROUND, BOX, BETWEEN, EDGE, HEAD = 30.0, 30.0, 44.0, 12.0, 30.0
"""Pixels of an operation, of a box's height, between two columns, of the edge, of the title."""
Key = int | str


@dataclass(frozen=True)
class Vertex:
    """A value of the step. sign: inside; name: in the equations, if it has one; words: how it is computed"""

    key: Key
    sign: str
    color: str
    round_: bool
    name: str = ""
    words: str = ""

    @property
    def width(self) -> float:
        return ROUND if self.round_ and len(self.sign) < 2 else max(ROUND, text_width(self.sign, SMALL) + 14)


@dataclass(frozen=True)
class Arrow:
    """What a value is made of. sign: at its end, where the order of operands counts"""

    start: Key
    end: Key
    sign: str = ""


class _Graph:
    """A program's operations, sums of products and biases as one, constants within what they change."""

    def __init__(self, program: Program) -> None:
        self.program, self.nodes = program, program.nodes
        self.names, self.lines = named(program), equations(program)
        self.uses = Counter(a for node in self.nodes for a in self._args(node))
        for output in program.outputs:
            self.uses[output] += 1
        self.weights = self._of_weights()
        self.inside = self._affine()

    @staticmethod
    def _args(node: Node) -> tuple[int, ...]:
        """A normalisation is one function of one value."""
        return () if node.op == "spread" else node.args[:1] if node.op == "normalize" else node.args

    def _of_weights(self) -> set[int]:
        """Constants, weights of units and what is made of these alone: they stand as text where they are used."""
        found: set[int] = set()
        for at, node in enumerate(self.nodes):
            args = self._args(node)
            if node.op in ("constant", "vector") or (args and all(a in found for a in args)):
                found.add(at)
        return found

    def _affine(self) -> set[int]:
        """Nodes that are drawn as a part of the sum that alone reads them."""
        found: set[int] = set()
        for at in range(len(self.nodes) - 1, -1, -1):
            node = self.nodes[at]
            if node.op in ("add", *MATRICES) and (at in found or self._is_sum(at)):
                for arg in self._args(node):
                    if self._joins(arg):
                        found.add(arg)
        return found

    def _is_sum(self, at: int) -> bool:
        """Whether a node is a product with a matrix, or a sum with one in it."""
        node = self.nodes[at]
        if node.op in MATRICES:
            return True
        return node.op == "add" and any(self._joins(a) and self._is_sum(a) for a in node.args)

    def _joins(self, at: int) -> bool:
        node = self.nodes[at]
        alone = self.uses[at] == 1 and at not in self.names
        if at in self.weights:
            return True
        if node.op == "mul":  # a peephole
            return alone and any(a in self.weights for a in node.args)
        return alone and node.op in ("add", *MATRICES)

    def vertices(self) -> Iterator[Vertex]:
        shown = [at for at in range(len(self.nodes)) if self._shown(at)]
        for at in shown:
            node, words = self.nodes[at], written(self.program, at)
            if node.op in ("input", "state", "given"):
                color = BLUE if node.op == "input" else ORANGE if node.op == "state" else MUTED
                yield Vertex(at, words, color, True)
                continue
            name = self.names.get(at, "")
            text = f"{name}[t] = {self._formula(at)}" if name else self._formula(at)
            if self._is_sum(at):
                yield Vertex(at, self._sum_text(at), GREEN, False, name, text)
            else:
                sign, color = self._sign(node), TEAL if node.op in SIGNS and node.op != "sigmoid" else PURPLE
                yield Vertex(at, sign, color, True, name, text)
        for state in self.program.states:
            yield Vertex(f"{state}[t]", f"{state}[t]", ORANGE, True)

    def _shown(self, at: int) -> bool:
        if at in self.inside or at in self.weights or self.nodes[at].op == "spread":
            return False
        return self.uses[at] > 0

    def _sign(self, node: Node) -> str:
        """With the constants and weights that it takes."""
        sign = SIGNS.get(node.op, node.op)
        texts = [spelt_out(self.program, a) if a in self.weights else "" for a in self._args(node)]
        if not any(texts):
            return sign
        left, right = texts
        swaps = node.op in ("add", "mul", "minimum", "maximum")
        return f"{sign} {left or right}" if swaps or right else f"{left} {sign}"

    def _formula(self, at: int) -> str:
        """How a value is made of others, by its line in the equations where it has one."""
        start = f"{self.names.get(at, ' ')}[t] = "
        line = next((line for line in self.lines if line.startswith(start)), "")
        return line.partition(" = ")[2] or written(self.program, at)

    def _sum_text(self, at: int) -> str:
        """The terms of a sum, weights before what they act on."""
        return " + ".join(self._terms(at)).replace(" @ ", " ")

    def _terms(self, at: int) -> list[str]:
        node = self.nodes[at]
        if node.op == "add":
            return [term for a in node.args for term in (self._terms(a) if a in self.inside else [self._plain(a)])]
        if node.op in MATRICES:
            (arg,) = node.args
            return [f"{node.parameter} {self._plain(arg)}"]
        if node.op == "mul":
            return [" ".join(self._plain(a) for a in node.args)]
        return [self._plain(at)]

    def _plain(self, at: int) -> str:
        node = self.nodes[at]
        if at in self.weights:
            text = spelt_out(self.program, at)
            return f"({text})" if " + " in text or " - " in text else text
        if node.op in ("input", "state", "given"):
            return node.label or ""
        if at in self.inside:
            return f"({self._sum_text(at)})"
        return self.names.get(at, "·")

    def arrows(self) -> Iterator[Arrow]:
        seen: set[tuple[Key, Key]] = set()
        for at in range(len(self.nodes)):
            if not self._shown(at):
                continue
            for start, sign in self._reads(at):
                if (start, at) not in seen:
                    seen.add((start, at))
                    yield Arrow(start, at, sign)
        for state, output in zip(self.program.states, self.program.outputs, strict=True):
            yield Arrow(output, f"{state}[t]")

    def _reads(self, at: int) -> Iterator[tuple[int, str]]:
        node = self.nodes[at]
        for place, arg in enumerate(self._args(node)):
            if arg in self.weights:
                continue
            if arg in self.inside:
                for inner, _ in self._reads(arg):
                    yield inner, ""
                continue
            marked = node.op in ("sub", "div") and place == 1 and len(node.args) == 2
            constant = any(a in self.weights for a in node.args)
            yield arg, SIGNS[node.op] if marked and not constant else ""


def draw_cell(cell: str | Cell, *, bias: bool = True) -> str:
    """The graph of one step as one <svg> element: what comes in at the left, the new states at the right.

    Blue is the input, orange are states, green are products with weights and their sums, teal is arithmetic, purple are
    functions. A value that has a name in the equations carries it.
    Errors: UnknownNameError for a name that no cell has; CellError without biases for a cell that cannot be
    """
    own = get(cell)
    program = own.program(bias=bias)
    graph = _Graph(program)
    vertices = {vertex.key: vertex for vertex in graph.vertices()}
    arrows = [arrow for arrow in graph.arrows() if arrow.start in vertices]
    heights: dict[Hashable, float] = {key: BOX + (13 if one.name else 0) for key, one in vertices.items()}
    ends = [f"{state}[t]" for state in program.states]
    layout = arrange(heights, [(arrow.start, arrow.end) for arrow in arrows], last=ends)
    widths = [0.0] * layout.columns
    for key, vertex in vertices.items():
        widths[layout.column[key]] = max(widths[layout.column[key]], vertex.width)
    middles, x = [], EDGE
    for width in widths:
        middles.append(x + width / 2)
        x += width + BETWEEN
    title = f"one step of {own.name}"
    sheet = Sheet(max(x - BETWEEN + EDGE, text_width(title, TITLE) + 2 * EDGE), HEAD + layout.height + EDGE)
    sheet.words((EDGE, 14), title, size=TITLE, align="left", strong=True)
    where = {key: (middles[layout.column[key]], HEAD + layout.y[key]) for key in vertices}
    for arrow in arrows:
        bends = layout.bends[arrow.start, arrow.end]
        points = [(middles[column], HEAD + y, widths[column]) for column, y in bends]
        _draw_arrow(sheet, arrow, vertices, where, points)
    for key, vertex in vertices.items():
        at = where[key]
        lift = -6.5 if vertex.name else 0.0
        sheet.box((at[0], at[1] + lift), (vertex.width, BOX), vertex.color, round_=vertex.round_, about=vertex.words)
        sheet.words((at[0], at[1] + lift), vertex.sign, size=SMALL if len(vertex.sign) > 1 else TITLE)
        if vertex.name:
            sheet.words((at[0], at[1] + lift + BOX / 2 + 9), vertex.name, color=INK, strong=True)
    made = "; ".join(f"{v.name or v.sign}: {v.words}" for v in vertices.values() if v.words)
    return sheet.svg(f"{title}: {made}")


def _draw_arrow(
    sheet: Sheet,
    arrow: Arrow,
    vertices: dict[Key, Vertex],
    where: dict[Key, Point],
    bends: list[tuple[float, float, float]],
) -> None:
    start, end = vertices[arrow.start], vertices[arrow.end]
    (x0, y0), (x1, y1) = where[arrow.start], where[arrow.end]
    y0 += -6.5 if start.name else 0.0
    y1 += -6.5 if end.name else 0.0
    points: list[Point] = [(x0 + start.width / 2, y0)]
    for x, y, width in bends:
        points += [(x - width / 2, y), (x + width / 2, y)]
    points.append((x1 - end.width / 2, y1))
    sheet.arrow(points)
    if arrow.sign:
        (_, before_y), (x, y) = points[-2:]
        above = -9 if before_y <= y else 9
        sheet.words((x - 12, y + above), arrow.sign, color=MUTED)
