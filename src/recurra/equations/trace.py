"""Running a cell's function on symbols."""

from __future__ import annotations

import inspect
import linecache
import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

from recurra.equations.graph import BIAS_KINDS, LINEAR, Graph, Node, Parameter
from recurra.equations.symbols import Vector, bound
from recurra.errors import CellError

CellFunction = Callable[..., Any]


class Symbol:
    """A value of the step that is not known yet: a node of the trace's graph."""

    def __init__(self, trace: Trace, index: int) -> None:
        self.trace, self.index = trace, index

    def equation_unary(self, op: str) -> Symbol:
        return self.trace.apply(op, self)

    def equation_binary(self, op: str, left: Any, right: Any) -> Symbol:
        return self.trace.apply(op, left, right)

    def __add__(self, other: Any) -> Any:
        return self.trace.apply("add", self, other)

    def __radd__(self, other: Any) -> Any:
        return self.trace.apply("add", other, self)

    def __sub__(self, other: Any) -> Any:
        return self.trace.apply("sub", self, other)

    def __rsub__(self, other: Any) -> Any:
        return self.trace.apply("sub", other, self)

    def __mul__(self, other: Any) -> Any:
        return self.trace.apply("mul", self, other)

    def __rmul__(self, other: Any) -> Any:
        return self.trace.apply("mul", other, self)

    def __truediv__(self, other: Any) -> Any:
        return self.trace.apply("div", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return self.trace.apply("div", other, self)

    def __neg__(self) -> Symbol:
        return self.trace.apply("neg", self)

    def __pow__(self, exponent: Any) -> Symbol:
        if not isinstance(exponent, int) or exponent < 1:
            raise CellError(f"a power must be a whole number from 1, got {exponent!r}; use exp and log")
        result = self
        for _ in range(exponent - 1):
            result = result * self
        return result

    def __bool__(self) -> bool:
        raise CellError("an equation cannot branch on a value of the step; use minimum, maximum or a gate")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in ("equation_unary", "equation_binary"):
            raise AttributeError(name)
        raise CellError(
            f".{name} is not part of the equation language; use its functions, such as sigmoid(v)"
        )


class Trace:
    """The context in which a cell's function runs on symbols. `bias=False` leaves added biases out."""

    def __init__(self, function: CellFunction, *, bias: bool = True) -> None:
        self.function, self.bias = function, bias
        self.code: CodeType = function.__code__
        self.name = function.__name__
        self.graph = Graph()
        self.used: dict[Parameter, int] = {}  # where each parameter was used: a line
        self.lines: dict[int, int] = {}  # where each node was made
        self.arguments = self._arguments()
        self.locals: dict[str, int] = {}
        self.return_line: int | None = None

    def _arguments(self) -> list[str]:
        kinds = inspect.Parameter
        found = inspect.signature(self.function).parameters.values()
        plain = all(a.kind is kinds.POSITIONAL_OR_KEYWORD and a.default is kinds.empty for a in found)
        names = [a.name for a in found]
        if not plain or len(names) < 2:
            raise self.error("a cell takes the input and one or more states, as in def cell(x, h, c)", None)
        return names

    def error(self, problem: str, line: int | None) -> CellError:
        """The error with file, line and the line's text in front."""
        line = line or self.code.co_firstlineno
        text = linecache.getline(self.code.co_filename, line).strip()
        at = f"cell {self.name}: {self.code.co_filename}:{line}"
        return CellError(f"{at}: {problem}" + (f"\n    {text}" if text else ""))

    def here(self) -> int | None:
        """The line of the cell's function that is running."""
        frame: FrameType | None = sys._getframe()
        while frame is not None and frame.f_code is not self.code:
            frame = frame.f_back
        return frame.f_lineno if frame else None

    def run(self) -> tuple[int, ...]:
        """Run the function; node indices of the new states."""
        symbols = [
            Symbol(self, self.graph.add(Node("state" if i else "input", width="H" if i else "I", label=name)))
            for i, name in enumerate(self.arguments)
        ]
        before = sys.getprofile()
        try:
            with bound(self):
                sys.setprofile(self._keep_locals)
                returned = self.function(*symbols)
        except CellError as error:
            if str(error).startswith("cell "):
                raise
            raise self.error(str(error), self._line_of(error)) from None
        except NameError as error:
            states = ", ".join(self.arguments[1:])
            problem = (
                f"{error.name!r} is neither the input, a state of this cell ({states}) nor computed above"
            )
            raise self.error(problem, self._line_of(error)) from None
        except (TypeError, AttributeError, ValueError, ArithmeticError) as error:
            raise self.error(str(error), self._line_of(error)) from error
        finally:
            sys.setprofile(before)
        return self._returned(returned)

    def _keep_locals(self, frame: FrameType, event: str, _: object) -> None:
        if event == "return" and frame.f_code is self.code:
            found = {k: v.index for k, v in frame.f_locals.items() if isinstance(v, Symbol)}
            self.locals = found
            self.return_line = frame.f_lineno

    def _line_of(self, error: BaseException) -> int | None:
        line, at = None, error.__traceback__
        while at is not None:
            if at.tb_frame.f_code is self.code:
                line = at.tb_lineno
            at = at.tb_next
        return line

    def _returned(self, returned: Any) -> tuple[int, ...]:
        states = self.arguments[1:]
        values = returned if isinstance(returned, tuple) else (returned,)
        line = self.return_line
        if len(values) != len(states):
            missing = [
                s for s in states if not any(self.locals.get(s) == getattr(v, "index", -1) for v in values)
            ]
            named = f"; {', '.join(missing)} is not returned" if missing and len(values) < len(states) else ""
            raise self.error(
                f"returns {len(values)} of its {len(states)} states{named}; end with: return {', '.join(states)}",
                line,
            )
        for state, value in zip(states, values, strict=True):
            if not isinstance(value, Symbol):
                raise self.error(f"state {state} is returned as {value!r}, not as a value of the step", line)
            if self.graph.nodes[value.index].width != "H":
                raise self.error(f"state {state} is returned with the width of the input", line)
        indices = tuple(v.index for v in values)
        ordered = [self.locals.get(s) for s in states]
        if list(indices) != ordered and sorted(indices) == sorted(i for i in ordered if i is not None):
            raise self.error(
                f"the states are returned in another order; end with: return {', '.join(states)}", line
            )
        return indices

    # the context of symbols.py

    def product(self, parameter: Parameter, operand: Any) -> Symbol:
        operand = self.symbol(operand)
        node = self.graph.nodes[operand.index]
        if parameter.kind == "W" and node.op != "input":
            raise self.error(
                f"{parameter} maps the input {self.arguments[0]} only; use R for a value of the step",
                self.here(),
            )
        if parameter.kind == "R" and node.width != "H":
            raise self.error(
                f"{parameter} maps a value as wide as a state [H]; use W for the input", self.here()
            )
        self._use(parameter)
        return self._made(self.graph.add(Node(parameter.kind, (operand.index,), "H", parameter)))

    def vector(self, parameter: Parameter) -> Symbol | None:
        if parameter.kind in BIAS_KINDS and not self.bias:
            return None
        self._use(parameter)
        return self._made(self.graph.add(Node("vector", (), "H", parameter)))

    def apply(self, op: str, *operands: Any) -> Any:
        if any(isinstance(o, Vector) for o in operands):
            return NotImplemented  # the vector's own operator gives it its value
        symbols = [self.symbol(o) for o in operands]
        widths = [self.graph.nodes[s.index].width for s in symbols]
        if "I" in widths and "H" in widths:
            wide = self.arguments[0]
            raise self.error(
                f"{wide} is as wide as the input [I], the other value as a state [H]; map {wide} with W",
                self.here(),
            )
        return self._made(self.graph.apply(op, *(s.index for s in symbols)))

    def symbol(self, value: Any) -> Symbol:
        if isinstance(value, Symbol):
            if value.trace is not self:
                raise self.error("a value of another cell or of an earlier step is used", self.here())
            return value
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return Symbol(self, self.graph.constant(value))
        raise self.error(f"expected a value of the step or a number, got {value!r}", self.here())

    def _made(self, index: int) -> Symbol:
        self.lines.setdefault(index, self.here() or 0)
        return Symbol(self, index)

    def _use(self, parameter: Parameter) -> None:
        line = self.here() or 0
        if parameter in self.used:
            first = self.used[parameter]
            raise self.error(
                f"{parameter} is used twice, first in line {first}; a second use needs a name of its own",
                line,
            )
        self.used[parameter] = line

    def check_gates(self, outputs: tuple[int, ...]) -> None:
        """Each gate name stands for one thing: its weights meet before the next nonlinear function."""
        consumers: dict[int, list[int]] = {}
        for i, node in enumerate(self.graph.nodes):
            for arg in node.args:
                consumers.setdefault(arg, []).append(i)
        places: dict[str, tuple[Parameter, set[int]]] = {}
        for i, node in enumerate(self.graph.nodes):
            if node.op not in ("vector", "W", "R"):
                continue
            assert node.parameter is not None
            reached, todo = set[int](), [i]
            while todo:
                at = todo.pop()
                if at in outputs:
                    reached.add(-1)
                for user in consumers.get(at, []):
                    if self.graph.nodes[user].op in LINEAR:
                        todo.append(user)
                    else:
                        reached.add(user)
            other, theirs = places.setdefault(node.parameter.gate, (node.parameter, reached))
            if not reached & theirs:
                raise self.error(
                    f"gate {node.parameter.gate} names two things: {node.parameter} here and {other} in line "
                    f"{self.used[other]}",
                    self.used[node.parameter],
                )
