"""Running a cell's function on symbols."""

from __future__ import annotations

import difflib
import inspect
import linecache
import math
import re
import sys
from collections.abc import Callable
from numbers import Real
from types import CodeType, FrameType, FunctionType
from typing import Any

from recurra.equations.check import check_returned
from recurra.equations.graph import BIAS_KINDS, VECTOR_KINDS, Graph, Node, Parameter, Width
from recurra.equations.symbols import FUNCTIONS, WEIGHTS, Matrix, Unknown, Vector, Weights, bound
from recurra.errors import CellError

CellFunction = Callable[..., Any]

ADVICE = f"use the language's + - * / ** @ and {', '.join(FUNCTIONS)}"


class Symbol(Unknown):
    """A value of the step that is not known yet: a node of the trace's graph."""

    __array_ufunc__ = None  # numpy's numbers leave arithmetic to the symbol

    def __init__(self, trace: Trace, index: int) -> None:
        self.trace, self.index = trace, index

    def equation_unary(self, op: str) -> Any:
        return self.trace.apply(op, self)

    def equation_binary(self, op: str, left: Any, right: Any) -> Any:
        return self.trace.apply(op, left, right)

    def equation_normalize(self, epsilon: float) -> Any:
        return self.trace.normalize(self, epsilon)

    def __abs__(self) -> Any:
        return self.trace.apply("abs", self)

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

    def __neg__(self) -> Any:
        return self.trace.apply("neg", self)

    def __pow__(self, exponent: Any) -> Symbol:
        if not isinstance(exponent, int) or exponent < 1:
            raise CellError(f"a power must be a whole number from 1, got {exponent!r}; use exp and log")
        result: Symbol = self
        for _ in range(exponent - 1):
            result = result * self
        return result

    def __float__(self) -> float:
        raise CellError(f"a value of the step is not a number; {ADVICE}")

    __int__ = __index__ = __float__

    @classmethod
    def __torch_function__(cls, function: Any, *_: object) -> Any:
        name = getattr(function, "__name__", str(function))
        raise CellError(f"torch's {name} is not part of the equation language; {ADVICE}")

    def __repr__(self) -> str:
        return self.trace.graph.nodes[self.index].label or "a value of the step"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # asked for by Python, copy and inspection
            raise AttributeError(name)
        raise CellError(f".{name} is not part of the equation language; {ADVICE}")


class Trace:
    """The context in which a cell's function runs on symbols. `bias=False` leaves added biases out."""

    def __init__(self, function: CellFunction, *, bias: bool = True) -> None:
        written = inspect.unwrap(function)
        if not isinstance(written, FunctionType) or written.__name__ == "<lambda>":
            raise CellError(f"a cell is a function with a name, written with def, got {function!r}")
        self.function, self.bias = function, bias
        self.code: CodeType = written.__code__
        self.name = written.__name__
        self.narrow: frozenset[str] = frozenset()  # states as wide as a projection, known when they are returned
        self._begin()

    def _begin(self) -> None:
        self.graph = Graph()
        self.mapped: tuple[Parameter, str] | None = None  # the first R, and the width of what it maps
        self.used: dict[Parameter, int] = {}  # where each parameter was used: a line
        self.gates: dict[str, None] = {}  # in the order of their first use
        self.frame: FrameType | None = None  # of the function; it keeps the local names when the function is done
        self.arguments = self._arguments()
        self.locals: dict[str, int] = {}

    def _arguments(self) -> list[str]:
        kinds = inspect.Parameter
        found = inspect.signature(self.function).parameters.values()
        plain = all(a.kind is kinds.POSITIONAL_OR_KEYWORD and a.default is kinds.empty for a in found)
        names = [a.name for a in found]
        if not plain or len(names) < 2:
            raise self.error("a cell takes the input and one or more states, as in def cell(x, h, c)")
        return names

    # places in the source

    def error(self, problem: str, line: int | None = None) -> CellError:
        """The error with file, line (the function's first, if not given) and the line's text in front."""
        file = self.code.co_filename
        if line is None:  # the decorators come before
            first = self.code.co_firstlineno
            near = range(first, first + 50)
            line = next((n for n in near if linecache.getline(file, n).lstrip().startswith("def ")), first)
        text = linecache.getline(file, line).strip()
        return CellError(f"cell {self.name}: {file}:{line}: {problem}" + (f"\n    {text}" if text else ""))

    def here(self) -> int:
        """The line that is running, of the cell's function or of a function in the same file that it called."""
        line, frame = None, sys._getframe()
        while frame.f_back is not None:
            frame = frame.f_back
            if line is None and frame.f_code.co_filename == self.code.co_filename:
                line = frame.f_lineno
            if frame.f_code is self.code:
                self.frame = frame
                break
        return line or self.code.co_firstlineno

    def _line_of(self, error: BaseException) -> int | None:
        line, at = None, error.__traceback__
        while at is not None:
            if at.tb_frame.f_code.co_filename == self.code.co_filename:
                line = at.tb_lineno
            at = at.tb_next
        return line

    # running the function

    def run(self) -> tuple[int, ...]:
        """Run the function; node indices of the new states. Once more where states turn out to be projections."""
        try:
            return self._returned(self._call([self._leaf(name) for name in self.arguments]))
        finally:
            self.frame = None

    def _leaf(self, name: str) -> Symbol:
        if name == self.arguments[0]:
            return Symbol(self, self.graph.add(Node("input", width="I", label=name)))
        return Symbol(self, self.graph.add(Node("state", width="N" if name in self.narrow else "H", label=name)))

    def _call(self, symbols: list[Symbol]) -> Any:
        try:
            with bound(self):
                return self.function(*symbols)
        except CellError as error:
            raise self.error(str(error), self._line_of(error)) from None
        except NameError as error:
            raise self.error(self._unknown(error), self._line_of(error)) from None
        except (TypeError, AttributeError, ValueError, ArithmeticError) as error:
            problem = re.sub(r"'Symbol'( object)?|\bSymbol( object)?\b", "a value of the step", str(error))
            if "__array_ufunc__" in problem:
                problem = "numpy's functions are not part of the equation language"
            hint = f"; {ADVICE}" if problem != str(error) else ""
            raise self.error(problem + hint, self._line_of(error)) from error

    def _unknown(self, error: NameError) -> str:
        found = re.search(r"'(\w+)'", str(error))
        name = error.name or (found[1] if found else "")
        language = [*FUNCTIONS, *WEIGHTS]
        if name in language:
            return f"{name!r} is a name of the equation language that is not imported"
        computed = [] if self.frame is None else list(self.frame.f_locals)
        near = difflib.get_close_matches(name, [*self.arguments, *computed, *language], n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        states = ", ".join(self.arguments[1:])
        return f"{name!r} is neither the input, a state of this cell ({states}) nor computed above{hint}"

    def _returned(self, returned: Any) -> tuple[int, ...]:
        if self.frame is not None:
            found = self.frame.f_locals.items()
            self.locals = {k: v.index for k, v in found if isinstance(v, Symbol) and v.trace is self}
        last = max(n for _, _, n in self.code.co_lines() if n is not None)
        line = self.frame.f_lineno if self.frame is not None else last
        values = returned if isinstance(returned, tuple) else (returned,)
        own = [isinstance(v, Symbol) and v.trace is self for v in values]
        if all(own) and len(values) == len(self.arguments) - 1:
            pairs = zip(self.arguments[1:], values, strict=True)
            narrow = self.narrow | {s for s, v in pairs if self.graph.nodes[v.index].width == "N"}
            if narrow != self.narrow:
                self.narrow = narrow
                self._begin()
                return self.run()
        check_returned(self, values, line)
        return tuple(v.index for v in values)

    # the context of symbols.py

    def product(self, parameter: Parameter, operand: Any) -> Symbol:
        operand = self.symbol(operand)
        node, x = self.graph.nodes[operand.index], self.arguments[0]
        if parameter.kind == "W" and node.op != "input":
            other = "not a value made of it" if node.width == "I" else "use R for a value of the step"
            raise CellError(f"{parameter} maps the input {x} itself; {other}")
        if parameter.kind == "P" and node.width != "H":
            raise CellError(f"{parameter} maps a value as wide as the units [H]")
        if parameter.kind == "R" and node.width not in ("H", "N"):
            other = f"; use W for the input {x}" if node.op == "input" else ""
            raise CellError(f"{parameter} maps a value as wide as a state [H]{other}")
        if parameter.kind == "R":
            first, width = self.mapped = self.mapped or (parameter, node.width)
            if width != node.width:
                raise CellError(f"{parameter} and {first} map values of different width: one is a projection")
        self._use(parameter)
        width_of_result: Width = "N" if parameter.kind == "P" else "H"
        return self._made(self.graph.add(Node(parameter.kind, (operand.index,), width_of_result, parameter)))

    def vector(self, parameter: Parameter) -> Symbol | None:
        self.gates.setdefault(parameter.gate)
        if parameter.kind in BIAS_KINDS and not self.bias:
            return None
        self._use(parameter)
        return self._made(self.graph.add(Node("vector", (), "1" if parameter.kind == "k" else "H", parameter)))

    def normalize(self, value: Any, epsilon: float) -> Symbol:
        operand = self.symbol(value)
        width = self.graph.nodes[operand.index].width
        if width != "H":
            given = f"the input {self.arguments[0]} [I]; map it with W first" if width == "I" else "one number"
            raise CellError(f"normalize takes a value as wide as a state [H], got {given}")
        spread = self.graph.add(Node("spread", (operand.index,), "B", value=epsilon))
        return self._made(self.graph.add(Node("normalize", (operand.index, spread), "H", value=epsilon)))

    def apply(self, op: str, *operands: Any) -> Any:
        """The operation on values and numbers: a symbol, or NotImplemented to leave it to a weight's operator."""
        if any(isinstance(o, (Vector, Weights)) for o in operands):
            return NotImplemented
        symbols = [self.symbol(o) for o in operands]
        if op == "div" and self.graph.number(symbols[1].index) == 0:
            raise CellError("a value of the step is divided by 0")
        widths = [self.graph.nodes[s.index].width for s in symbols]
        if "I" in widths and "H" in widths:
            x = self.arguments[0]
            raise CellError(f"{x} is as wide as the input [I], the other value as a state [H]; map {x} with W")
        if "N" in widths and {"H", "I"} & set(widths):
            raise CellError("one value is as wide as the projection [N], the other is not; map the narrow one with R")
        return self._made(self.graph.apply(op, *(s.index for s in symbols)))

    def symbol(self, value: Any) -> Symbol:
        if isinstance(value, Symbol):
            if value.trace is not self:
                raise CellError("a value of another cell or of an earlier step is used")
            return value
        if isinstance(value, Matrix):
            raise CellError(f"{value.parameter} is a matrix: apply it with @, as in {value.example}")
        number = isinstance(value, Real) and value is not True and value is not False
        if number and math.isfinite(value):
            return Symbol(self, self.graph.constant(float(value)))
        raise CellError(f"expected a value of the step or a finite number, got {value!r}")

    def _made(self, index: int) -> Symbol:
        self.here()
        return Symbol(self, index)

    def _use(self, parameter: Parameter) -> None:
        line = self.here()
        if parameter in self.used:
            if parameter.kind in VECTOR_KINDS:
                return
            first = self.used[parameter]
            raise CellError(f"{parameter} is used twice, first in line {first}; a second use needs a name of its own")
        self.used[parameter] = line
        self.gates.setdefault(parameter.gate)
