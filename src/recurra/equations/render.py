"""The equations of a cell as text and as LaTeX, from its program."""

from __future__ import annotations

from dataclasses import dataclass

from recurra.equations.graph import Node
from recurra.equations.program import Program

GREEK = frozenset(
    "alpha beta gamma delta epsilon eta theta kappa lambda mu nu rho sigma tau phi chi psi omega".split()
)
SIGN = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
LEVEL = {"add": 1, "sub": 1, "mul": 2, "div": 2, "neg": 2, "W": 3, "R": 3}


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
        head = {
            "sigmoid": r"\sigma",
            "tanh": r"\tanh",
            "exp": r"\exp",
            "log": r"\log",
            "minimum": r"\min",
            "maximum": r"\max",
        }.get(op, rf"\mathrm{{{op}}}")
        return head + r"\left(" + ", ".join(arguments) + r"\right)"

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
    style = Style(latex)
    names: dict[int, str] = {}
    for index, name in program.names:
        if program.nodes[index].op != "state":
            names.setdefault(index, name)
    names.update(
        {o: s for s, o in zip(program.states, program.outputs, strict=True) if program.nodes[o].op != "state"}
    )
    lines = [_line(program, i, names, style) for i in sorted(names)]
    for state, output in zip(
        program.states, program.outputs, strict=True
    ):  # one value, two names; or passed on
        if names.get(output) != state:
            right = names.get(output)
            value = style.name(right) if right else style.name(state, "t-1")
            lines.append(f"{style.name(state)} = {value}")
    return lines


def _line(program: Program, index: int, names: dict[int, str], style: Style) -> str:
    return f"{style.name(names[index])} = {_expression(program, index, names, style, top=True)}"


def _expression(
    program: Program, index: int, names: dict[int, str], style: Style, *, top: bool = False
) -> str:
    node = program.nodes[index]
    if index in names and not top:
        return style.name(names[index])
    match node.op:
        case "input":
            return style.name(node.label or "")
        case "state":
            return style.name(node.label or "", "t-1")
        case "constant":
            return f"{node.value:g}"
        case "vector":
            return style.parameter(node)
    level = LEVEL.get(node.op, 4)

    def inner(arg: int, *, tight: bool = False) -> str:
        text = _expression(program, arg, names, style)
        loose = arg not in names and LEVEL.get(program.nodes[arg].op, 4) < level + tight
        framed = style.latex and node.op == "div"
        return style.group(text) if loose and not framed else text

    if node.op in ("W", "R"):
        return style.product(style.parameter(node), inner(node.args[0]))
    if node.op == "neg":
        return f"-{inner(node.args[0], tight=True)}"
    if node.op in SIGN:
        tight = node.op in ("sub", "div")
        return style.binary(node.op, inner(node.args[0]), inner(node.args[1], tight=tight))
    return style.function(node.op, [_expression(program, a, names, style) for a in node.args])
