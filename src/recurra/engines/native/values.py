"""The values of a step as the core computes them: its slots, its products and its own operations."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import partial, reduce

from recurra.engines.native.bytecode import NONE


@dataclass(frozen=True)
class Value:
    """One value.

    op: "leaf" (in `slot` before the step begins), "constant" (`number`), "product" (the matrix that the word `matrix`
    names times the one operand), "moments" (mean and 1/sqrt(variance + `number`) of each row of a), "means" (of each
    row of a, and of a b, the latter times the third operand, a row's spread), or an operation of the core, elementwise.
    args: operands, always with smaller numbers than the value's own. narrow: whether it is as wide as a projection.
    """

    op: str
    args: tuple[int, ...] = ()
    slot: int = NONE
    matrix: int = NONE
    number: float = 0.0
    narrow: bool = False


class Values:
    """Values in an order in which they can be computed; equal values are one.

    What one operation of the core does in the place of several is written so as it comes in: 1 - a, what a sigmoid and
    a tanh hand back, and a (b - c) for a b - a c. The several are left out by `uses` if nobody else needs them.
    """

    def __init__(self, carried: Collection[int] = ()) -> None:
        """carried: slots that the step before writes, in backward the step after."""
        self.all: list[Value] = []
        self._carried = frozenset(carried)
        self._index: dict[Value, int] = {}

    def add(self, value: Value) -> int:
        if value not in self._index:
            self._index[value] = len(self.all)
            self.all.append(value)
        return self._index[value]

    def leaf(self, slot: int, *, narrow: bool = False) -> int:
        return self.add(Value("leaf", slot=slot, narrow=narrow))

    def constant(self, number: float) -> int:
        return self.add(Value("constant", number=number))

    def apply(self, op: str, *args: int) -> int:
        if op == "sub" and self._is_one(args[0]):
            return self._elementwise("one_minus", args[1])
        if op == "mul":
            for d, slope in (args, args[::-1]):
                back = self._slope(slope)
                if back is not None:
                    return self._elementwise(back[0], d, back[1])
        if op == "sub" and (found := self._factored(*args)) is not None:
            return found
        if op == "add":
            for one, other in (args, args[::-1]):
                if self.all[other].op == "neg":
                    found = self._factored(one, self.all[other].args[0])
                    if found is not None:
                        return found
        return self._elementwise(op, *args)

    def _factored(self, one: int, other: int) -> int | None:
        """a (b - c) for a b - a c."""
        rest, minus = self._factors(one), self._factors(other)
        common = next((a for a in rest if a in minus), None)
        if common is None or len(rest) == 1 or len(minus) == 1:
            return None
        for factors in (rest, minus):
            factors.remove(common)
        times = partial(self.apply, "mul")
        return self.apply("mul", common, self._elementwise("sub", reduce(times, rest), reduce(times, minus)))

    def _factors(self, index: int) -> list[int]:
        value = self.all[index]
        if value.op != "mul":
            return [index]
        return [factor for arg in value.args for factor in self._factors(arg)]

    def _elementwise(self, op: str, *args: int) -> int:
        return self.add(Value(op, args, narrow=any(self.all[a].narrow for a in args)))

    def _is_one(self, index: int) -> bool:
        return self.all[index] == Value("constant", number=1.0)

    def _slope(self, index: int) -> tuple[str, int] | None:
        """(operation, y) if the value is y (1 - y) or 1 - y y."""
        value = self.all[index]
        if value.op == "mul":
            for y, other in (value.args, value.args[::-1]):
                if self.all[other].op == "one_minus" and self.all[other].args == (y,):
                    return "sigmoid_back", y
        if value.op == "one_minus":
            square = self.all[value.args[0]]
            if square.op == "mul" and square.args[0] == square.args[1]:
                return "tanh_back", square.args[0]
        return None

    def waiting(self) -> set[int]:
        """Those that wait for the step before, in backward the step after."""
        found: set[int] = set()
        for index, value in enumerate(self.all):
            if value.slot in self._carried or not found.isdisjoint(value.args):
                found.add(index)
        return found

    def uses(self, roots: Iterable[int]) -> list[int]:
        """How often each value is read by those that the roots need, each root counted as one more; 0: not needed."""
        count = [0] * len(self.all)
        for root in roots:
            count[root] += 1
        for index in reversed(range(len(self.all))):
            if count[index]:
                for arg in self.all[index].args:
                    count[arg] += 1
        return count
