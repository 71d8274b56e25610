"""The equations of a cell as text and as LaTeX, from its program."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import count

from recurra.equations.graph import MATRICES, Node
from recurra.equations.program import Program
from recurra.equations.symbols import EPSILON

GREEK = frozenset("alpha beta gamma delta epsilon eta theta kappa lambda mu nu rho sigma tau phi chi psi omega".split())
SIGN = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
LEVEL = {"add": 1, "sub": 1, "W": 2, "R": 2, "P": 2, "mul": 3, "div": 3, "neg": 3}
ATOM = 4
NEEDS = {"add": (1, 1), "sub": (1, 2), "mul": (3, 3), "div": (3, 4), "neg": (4,), "W": (4,), "R": (4,), "P": (4,)}
"""How tightly an operand has to be written so that it goes without parentheses, by its operation and place."""


@dataclass(frozen=True)
class Style:
    """How the parts of an equation are written."""

    latex: bool

    def name(self, name: str, time: str = "t") -> str:
        """A value of the step: x_t, h_{t-1}."""
        if not self.latex:
            return f"{name}[{time}]"
        return f"{_symbol(name)}_{{{time}}}"

    def parameter(self, node: Node) -> str:
        assert node.parameter is not None
        kind, gate = node.parameter.kind, node.parameter.gate
        if not self.latex:
            return f"{kind}.{gate}"
        inside = _symbol(gate)
        if kind == "rb":
            return f"b'_{{{inside}}}"
        return f"{kind}_{{{inside}}}"

    def product(self, weight: str, operand: str) -> str:
        return f"{weight} {operand}" if self.latex else f"{weight} @ {operand}"

    def function(self, op: str, arguments: list[str]) -> str:
        if not self.latex:
            return f"{op}({', '.join(arguments)})"
        if op == "sqrt":
            return rf"\sqrt{{{arguments[0]}}}"
        if op == "abs":
            return rf"\left|{arguments[0]}\right|"
        head = {
            "sigmoid": r"\sigma",
            "tanh": r"\tanh",
            "exp": r"\exp",
            "log": r"\log",
            "sin": r"\sin",
            "cos": r"\cos",
            "minimum": r"\min",
            "maximum": r"\max",
        }.get(op, rf"\mathrm{{{op}}}")
        return head + r"\left(" + ", ".join(arguments) + r"\right)"

    def number(self, value: float) -> str:
        short = f"{value:g}" if float(f"{value:g}") == value else repr(value)
        digits, e, exponent = short.partition("e")
        if not self.latex or not e:
            return short
        return rf"{digits} \cdot 10^{{{int(exponent)}}}"

    def group(self, inside: str) -> str:
        return rf"\left({inside}\right)" if self.latex else f"({inside})"

    def binary(self, op: str, left: str, right: str) -> str:
        if not self.latex:
            return f"{left} {SIGN[op]} {right}"
        if op == "div":
            return rf"\frac{{{left}}}{{{right}}}"
        return f"{left} {SIGN[op] if op != 'mul' else chr(92) + 'odot'} {right}"


def _symbol(name: str) -> str:
    if name in GREEK:
        return "\\" + name
    return name if len(name) == 1 else rf"\mathrm{{{name}}}".replace("_", r"\_")


def equations(program: Program, *, latex: bool = False) -> list[str]:
    """One line for each named value, in the order in which they are computed.

    A value of this step carries the time t, a state of the step before t-1.
    """
    style, nodes, names = Style(latex), program.nodes, named(program)
    lines = [_line(program, i, names, style) for i in sorted(names)]
    for state, output in zip(program.states, program.outputs, strict=True):  # passed on, or one value for two states
        if names.get(output) != state:
            old = nodes[output].label
            value = style.name(old, "t-1") if old else style.name(names[output])
            lines.append(f"{style.name(state)} = {value}")
    return lines


def written(program: Program, index: int, *, latex: bool = False) -> str:
    """One value as the equations write it: by its name where it has one."""
    return _expression(program, index, named(program), Style(latex))


def spelt_out(program: Program, index: int) -> str:
    """One value by what the step takes in alone, whatever names stand between."""
    return _expression(program, index, {}, Style(latex=False))


def named(program: Program) -> dict[int, str]:
    """The name of each value that gets a line of its own."""
    nodes = program.nodes
    names = {o: s for s, o in zip(program.states, program.outputs, strict=True) if nodes[o].op != "state"}
    for index, name in program.names:  # a name that an argument had is not given to another value
        if name not in program.arguments:
            names.setdefault(index, name)
    _name_repeated(program, names)
    return names


def _name_repeated(program: Program, names: dict[int, str]) -> None:
    """Name what would be written out more than once and is long: v1, v2, ..."""
    uses = Counter(a for node in program.nodes for a in _shown(node))
    taken = {*names.values(), *program.arguments}
    fresh = (name for name in map("v{}".format, count(1)) if name not in taken)
    sizes: list[int] = []
    for i, node in enumerate(program.nodes):
        size = 1 + sum(1 if a in names else sizes[a] for a in _shown(node))
        sizes.append(size)
        if i not in names and uses[i] > 1 and size > 4:
            names[i] = next(fresh)


def _shown(node: Node) -> tuple[int, ...]:
    """Operands that are written: a normalisation is one function of one value."""
    return () if node.op == "spread" else node.args[:1] if node.op == "normalize" else node.args


def _line(program: Program, index: int, names: dict[int, str], style: Style) -> str:
    return f"{style.name(names[index])} = {_expression(program, index, names, style, top=True)}"


def _expression(program: Program, index: int, names: dict[int, str], style: Style, *, top: bool = False) -> str:
    nodes, node = program.nodes, program.nodes[index]
    if index in names and not top:
        return style.name(names[index])
    match node.op:
        case "input" | "given":
            return style.name(node.label or "")
        case "state":
            return style.name(node.label or "", "t-1")
        case "constant":
            return style.number(node.value or 0.0)
        case "vector":
            return style.parameter(node)

    def inner(place: int) -> str:
        arg = node.args[place]
        text = _expression(program, arg, names, style)
        if style.latex and node.op == "div":  # a fraction's bar groups
            return text
        level = ATOM if arg in names else LEVEL.get(nodes[arg].op, ATOM)
        negative = text.startswith("-") and (place == 1 or node.op == "neg")
        return style.group(text) if level < NEEDS[node.op][place] or negative else text

    if node.op == "normalize":
        more = [] if node.value == EPSILON else [style.number(node.value or 0.0)]
        return style.function(node.op, [_expression(program, node.args[0], names, style), *more])
    if node.op in MATRICES:
        return style.product(style.parameter(node), inner(0))
    if node.op == "neg":
        return f"-{inner(0)}"
    if node.op in SIGN:
        return style.binary(node.op, inner(0), inner(1))
    return style.function(node.op, [_expression(program, a, names, style) for a in node.args])
