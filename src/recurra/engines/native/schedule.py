"""Values as what the core runs, level after level: sums of products, and instructions.

A chain of additions whose interim results nobody else reads is one sum: it starts from a column of the input's
products or from what is there when its level begins, all its products are added at once, and the rest follows by
instructions. A level is as late as its operands demand: products, and sums over the units of a row, need whole rows, so
what they read has to be computed in an earlier level.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from recurra.engines.native.bytecode import NONE, PRODUCT_OPERANDS, ROW_SUMS, kind_of, number_of, slot
from recurra.engines.native.values import Value, Values

LEAF = -1
"""The level of what is there before the step begins."""


@dataclass
class Item:
    """What the core runs, or a leaf.

    op: "leaf", "sum" or an operation of the core. args: items that an instruction reads; of a sum its start, if it
    has one. products: (matrix, item) of a sum. number: of a reduction. constant: number of the one that "moments" take.
    slot: where the result lies. narrow: whether it is as wide as a projection.
    """

    op: str
    args: tuple[int, ...]
    level: int
    products: tuple[tuple[int, int], ...] = ()
    number: int = NONE
    slot: int = NONE
    constant: int = NONE
    narrow: bool = False

    @property
    def reads_rows(self) -> bool:
        """Whether its operands have to be whole rows, of an earlier level."""
        return self.op == "sum" or self.op in ROW_SUMS


class Items:
    """The items of one direction.

    at: item of each value that has one of its own; columns: for each column of the input's products the numbers of
    the vectors that are added to it once for all time.
    """

    def __init__(self, values: Values, roots: Collection[int], constants: list[float], columns: int) -> None:
        self.values, self.roots, self.constants = values.all, frozenset(roots), constants
        self.uses = values.uses(roots)
        self.all: list[Item] = []
        self.at: dict[int, int] = {}
        self.columns: list[list[int]] = [[] for _ in range(columns)]
        self._whole: dict[int, int] = {}
        in_blocks = not any(value.op == "product" or value.op in ROW_SUMS for value in self.values)
        self._waiting = values.waiting() if in_blocks else set()
        joined = self._joined()
        for index, value in enumerate(self.values):
            if self.uses[index] and index not in joined:
                self.at[index] = self._item(index, value)

    def add(self, op: str, args: Sequence[int], *, number: int = NONE) -> int:
        """An instruction, at the first level that it can be in."""
        level = max([0, *(self.all[a].level for a in args)])
        narrow = any(self.all[a].narrow for a in args)
        self.all.append(Item(op, tuple(args), level, number=number, narrow=narrow))
        return len(self.all) - 1

    def whole(self, item: int) -> int:
        """The item with whole rows in memory: a copy of a leaf that has none, otherwise itself."""
        at = self.all[item]
        if at.op != "leaf" or kind_of(at.slot) in PRODUCT_OPERANDS:
            return item
        if item not in self._whole:
            self._whole[item] = self.add("copy", (item,))
        return self._whole[item]

    def copy_of(self, leaf: int) -> int:
        """A copy of a leaf that has no slot yet: the one that products read, if there is one."""
        found = self._whole.get(leaf)
        return found if found is not None and self.all[found].slot == NONE else self.add("copy", (leaf,))

    # chains

    def _joined(self) -> set[int]:
        """Values that have no item of their own: an addition reads them, and nobody else does."""
        joined: set[int] = set()
        for index, value in enumerate(self.values):
            if self.uses[index] and value.op == "add":
                joined.update(a for a in value.args if self.values[a].op in ("add", "product", "mul", "neg"))
        return {j for j in joined if self.uses[j] == 1 and j not in self.roots}

    def _addends(self, index: int) -> list[int]:
        found, waiting = [], [index]
        while waiting:
            addend = waiting.pop()
            if self.values[addend].op == "add" and addend not in self.at:
                waiting += self.values[addend].args[::-1]
            else:
                found.append(addend)
        return found

    def _item(self, index: int, value: Value) -> int:
        if value.op == "constant":
            self.all.append(Item("leaf", (), LEAF, slot=slot("CONSTANT", self._constant(value.number))))
        elif value.op == "leaf":
            self.all.append(Item("leaf", (), LEAF, slot=value.slot, narrow=value.narrow))
        elif value.op in ROW_SUMS:
            read = [self.at[a] if self._kind(a) == "SAVED_ROW" else self.whole(self.at[a]) for a in value.args]
            level = 1 + max(self.all[r].level for r in read)
            constant = self._constant(value.number) if value.op == "moments" else NONE
            self.all.append(Item(value.op, tuple(read), level, constant=constant, narrow=value.narrow))
        elif value.op in ("add", "product"):
            return self._chain(self._addends(index))
        else:
            return self.add(value.op, [self.at[a] for a in value.args])
        return len(self.all) - 1

    def _constant(self, number: float) -> int:
        if number not in self.constants:
            self.constants.append(number)
        return self.constants.index(number)

    def _chain(self, addends: list[int]) -> int:
        """Additions in a row as a sum of products, what it starts from, and additions after it.

        Every addend enters once: among the products, into a column before the step, in the start, or afterwards.
        """
        products = [a for a in addends if self._joins_a_sum(a)]
        column, rest = self._column([a for a in addends if a not in products])
        if not products:
            return self._added(rest if column is None else [column, *rest])
        read = [(self.values[p].matrix, self.whole(self.at[self.values[p].args[0]])) for p in products]
        level = max([*(self.all[r].level + 1 for _, r in read), *(self._level(a) for a in rest)])
        start, at_once, late = self._start(column, rest, level)
        narrow = self.values[products[0]].narrow
        self.all.append(Item("sum", tuple(start), level, tuple(read), narrow=narrow))
        total = len(self.all) - 1
        for item in at_once:
            total = self.add("add", (total, item))
        return self._onto(total, late)

    def _column(self, addends: list[int]) -> tuple[int | None, list[int]]:
        """A column of the input read here alone, with the vectors added to it once and for all; what is left."""
        column = next((a for a in addends if self._kind(a) == "COLUMN" and self.uses[a] == 1), None)
        if column is None:
            return None, addends
        vectors = [a for a in addends if self._kind(a) == "VECTOR"]
        self.columns[number_of(self.values[column].slot)] += [number_of(self.values[v].slot) for v in vectors]
        return column, [a for a in addends if a != column and a not in vectors]

    def _start(self, column: int | None, rest: list[int], level: int) -> tuple[list[int], list[int], list[int]]:
        """Items that a sum at this level starts from, items added to it at once, and the addends that come after it."""
        early = [a for a in rest if self._level(a) < level]
        late = [a for a in rest if self._level(a) >= level]
        if column is not None:
            late += [a for a in early if self._can_wait(a)]
            early = [a for a in early if not self._can_wait(a)]
            return [self.at[column]], [self._added(early)] if early else [], late
        if any(self._level(a) > LEAF for a in early):
            return [self._added(early)], [], late
        return [self.at[a] for a in early[:1]], [], late + early[1:]

    def _can_wait(self, addend: int) -> bool:
        """Whether an addend can be read at any level without a tile of its own."""
        read = [addend] if addend in self.at else self.values[addend].args
        return all(r in self.roots or self.all[self.at[r]].op == "leaf" for r in read)

    def _joins_a_sum(self, index: int) -> bool:
        return self.values[index].op == "product" and index not in self.at

    def _kind(self, index: int) -> str:
        value = self.values[index]
        return kind_of(value.slot) if value.op == "leaf" else ""

    def _level(self, index: int) -> int:
        if index in self.at:
            return self.all[self.at[index]].level
        return max([0, *(self.all[self.at[a]].level for a in self.values[index].args)])

    def _added(self, addends: list[int]) -> int:
        """The sum of values without products: early ones first, so that one value waits for a later level."""
        addends = sorted(addends, key=lambda a: max(0, self._level(a)))
        soon = [a for a in addends if max(0, self._level(a)) == max(0, self._level(addends[0]))]
        plain = [a for a in soon if a in self.at]
        times = [a for a in soon if self.values[a].op == "mul"]
        times.sort(key=lambda a: a in self._waiting)  # so that one multiply-add waits for the step before
        first = (plain + times + soon)[0]
        addends.remove(first)
        return self._onto(self._own(first), addends)

    def _own(self, addend: int) -> int:
        if addend in self.at:
            return self.at[addend]
        return self.add(self.values[addend].op, [self.at[a] for a in self.values[addend].args])

    def _onto(self, total: int, addends: list[int]) -> int:
        for addend in sorted(addends, key=self._level):
            args = () if addend in self.at else tuple(self.at[a] for a in self.values[addend].args)
            if not args:
                total = self.add("add", (total, self.at[addend]))
            elif self.values[addend].op == "neg":
                total = self.add("sub", (total, *args))
            else:
                total = self.add("muladd", (*args, total))
        return total
