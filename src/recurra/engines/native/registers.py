"""Where each result of a step lies, and in which order the instructions of a level run."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from recurra.engines.native.bytecode import NONE, OPERATIONS, REDUCTIONS, ROW_SUMS, kind_of, number_of, slot
from recurra.engines.native.fused import fuse
from recurra.engines.native.schedule import Item, Items
from recurra.errors import EngineError


@dataclass(frozen=True)
class Levels:
    """The levels of one direction as words, and what they take: values of a step, temporary tiles, sums over rows.

    slots, products: how many different ones the level that has most of them names.
    """

    words: tuple[int, ...]
    count: int
    steps: int
    temps: int
    rows: int
    slots: int
    products: int

    @property
    def in_blocks(self) -> bool:
        """Whether steps run many at once: nothing reads whole rows."""
        return self.count == 1 and self.products == self.rows == 0


def place(items: Items, targets: Sequence[tuple[int, int]], saved: Collection[int] = ()) -> Levels:
    """Give every result a slot, the values that are asked for the slots of `targets`.

    targets: (value, slot); a value's first one is where it is computed, if others may read it there, the rest are
    copies. saved: values that are kept for backward, by this code or by another of the same direction.
    """
    readers = _readers(items.all)
    rows = [item for item in items.all if item.op in ROW_SUMS]
    for number, item in enumerate(rows):
        item.slot = slot("ROW", number)
    saved_rows = {items.at[value]: number_of(target) for value, target in targets if kind_of(target) == "SAVED_ROW"}
    for value, target in targets:
        index = items.at[value]
        if index in saved_rows:
            continue
        if items.all[index].op == "leaf":
            index = items.copy_of(index)
        elif items.all[index].slot != NONE or (kind_of(target) == "CARRY_OUT" and readers[index]):
            index = items.add("copy", (index,))
        items.all[index].slot = target
    kept = {items.at[value] for value in saved}
    _sink(items.all, kept)
    fuse(items.all, kept)
    readers, steps = _readers(items.all), 0
    for index, item in enumerate(items.all):
        if item.slot == NONE and any(items.all[r].level > item.level for r in readers[index]):
            item.slot = slot("STEP", steps)
            steps += 1
    depth = range(1 + max([0, *(i.level for i in items.all)]))
    widths = {(i.level, i.narrow) for i in items.all if i.level in depth}
    # what is as wide as the units and what is as wide as a projection do not meet but in products
    parts = [(n, narrow) for n in depth for narrow in (False, True) if (n, narrow) in widths]
    levels = [_Level(items.all, *part, saved_rows) for part in parts or [(0, False)]]
    _check_temporary(items.all)
    return Levels(
        tuple(word for level in levels for word in level.words),
        len(levels),
        steps,
        max(level.temps for level in levels),
        len(rows),
        max(len(level.named) for level in levels),
        max(level.products for level in levels),
    )


def _check_temporary(items: list[Item]) -> None:
    """Temporary tiles live as long as their level. Errors: EngineError where one is read in another"""
    for item in items:
        for read in (items[a] for a in item.args):
            if kind_of(read.slot) == "TEMP" and (read.level, read.narrow) != (item.level, item.narrow):
                raise EngineError(f"{item.op} of level {item.level} reads a temporary tile of another, {read.op}")


def _readers(items: list[Item]) -> list[list[int]]:
    found: list[list[int]] = [[] for _ in items]
    for index, item in enumerate(items):
        for read in {*item.args, *(operand for _, operand in item.products)}:
            found[read].append(index)
    return found


def _sink(items: list[Item], kept: Collection[int]) -> None:
    """Move what is only read in later levels there, where nothing more has to wait for it than waits anyway.

    kept: items that stay where they are, whether this code keeps them or not: training and inference are alike
    """
    readers = _readers(items)
    for index in reversed(range(len(items))):
        item = items[index]
        if item.op == "leaf" or item.reads_rows or item.slot != NONE or index in kept or not readers[index]:
            continue
        if any(items[a].op in ROW_SUMS for a in item.args):  # their results are their own level's
            continue
        due = min(items[r].level - items[r].reads_rows for r in readers[index])
        waits = (
            items[a].slot != NONE or a in kept or any(items[r].level >= due for r in readers[a] if r != index)
            for a in item.args
        )
        if due > item.level and all(waits):
            item.level = due


def _phases(items: list[Item], own: Sequence[int]) -> dict[int, int]:
    """Each instruction of a level: 0 if it needs no state, 1 if it leads from a state to the next, 2 for the rest.

    A state leads on if one step writes it and the next reads it: backward has the states themselves from the start.
    """
    read = {items[a].slot for i in own for a in items[i].args if items[a].op == "leaf"}
    written = {items[i].slot for i in own if items[i].slot != NONE}
    carried = {
        (slot(before, number_of(word)), word)
        for before, after in (("BEFORE", "AFTER"), ("CARRY_IN", "CARRY_OUT"))
        for word in written
        if kind_of(word) == after and slot(before, number_of(word)) in read
    }
    from_state, to_state = {before for before, _ in carried}, {after for _, after in carried}
    needs: set[int] = set()
    for i in own:
        leaves = {items[a].slot for a in items[i].args if items[a].op == "leaf"}
        if leaves & from_state or needs & set(items[i].args):
            needs.add(i)
    leads: set[int] = set()
    for i in reversed(own):
        if items[i].slot in to_state or i in leads:
            leads |= {i, *items[i].args}
    return {i: 0 if i not in needs else 1 if i in leads else 2 for i in own}


class _Level:
    """The words of one level: sums first, those of products and those over rows, then instructions in an order that
    keeps few temporary tiles. narrow: of those values that are as wide as a projection. saved_rows: where a row's
    spread is kept, by item."""

    def __init__(self, items: list[Item], level: int, narrow: bool, saved_rows: dict[int, int]) -> None:
        self.items = items
        self.free: list[int] = []
        self.temps = self.products = 0
        self.named: set[int] = set()
        own = [i for i, item in enumerate(items) if item.level == level and item.narrow == narrow]
        sums = [i for i in own if items[i].op == "sum"]
        rows = [i for i in own if items[i].op in ROW_SUMS]
        waiting = [i for i in own if not items[i].reads_rows]
        self.left = {i: sum(i in items[w].args for w in waiting) for i in own}
        self.made: dict[int, int] = {}
        phases = _phases(items, own) if not sums and not rows else {}
        counts = [sum(phase == n for phase in phases.values()) for n in (0, 1)]
        self.words = [int(narrow), len(sums), len(rows), len(waiting), *counts]
        for index in sums:
            self._sum(index)
        for index in rows:
            self._row_sum(index, saved_rows.get(index, NONE))
        while waiting:
            ready = [w for w in waiting if all(a in self.made or a not in self.left for a in items[w].args)]
            chosen = min(ready, key=lambda i: (phases.get(i, 0), self._cost(i)))
            waiting.remove(chosen)
            self._instruction(chosen)

    def _cost(self, index: int) -> tuple[bool, int, int, int]:
        """Sums over rows first, then what frees temporary tiles; of equals what reads the newest results."""
        item = self.items[index]
        newest = max([0, *(self.made.get(a, 0) for a in item.args)])
        return item.op not in REDUCTIONS, (item.slot == NONE) - len(self._last_reads(item)), -newest, index

    def _last_reads(self, item: Item) -> list[int]:
        """Temporary tiles that nobody reads after this instruction."""
        temps = {a for a in item.args if a in self.left and kind_of(self.items[a].slot) == "TEMP"}
        return sorted(a for a in temps if self.left[a] == 1)

    def _name(self, index: int) -> int:
        word = self.items[index].slot
        self.named.add(word)
        return word

    def _destination(self, index: int) -> int:
        """The slot of a result; a temporary tile if it has no other."""
        item = self.items[index]
        if item.slot == NONE:
            if not self.free:
                self.free.append(self.temps)
                self.temps += 1
            number = min(self.free)
            self.free.remove(number)
            item.slot = slot("TEMP", number)
        self.made[index] = len(self.made) + 1
        return self._name(index)

    def _sum(self, index: int) -> None:
        item = self.items[index]
        start = self._name(item.args[0]) if item.args else NONE
        # adjoints that lie side by side are one deep product to the core
        products = sorted(item.products, key=lambda p: _order(self.items[p[1]].slot))
        self.words += [self._destination(index), start, len(products)]
        for matrix, operand in products:
            self.words += [matrix, self._name(operand)]
        self.products += len(products)

    def _row_sum(self, index: int, kept: int) -> None:
        item = self.items[index]
        read = [self._name(a) for a in item.args]
        self.made[index] = len(self.made) + 1
        self.words += [
            ROW_SUMS.index(item.op),
            self._name(index),
            *read,
            *[NONE] * (3 - len(read)),
            item.constant,
            kept,
        ]

    def _instruction(self, index: int) -> None:
        item = self.items[index]
        read = [self._name(a) for a in item.args]
        last = self._last_reads(item)
        for a in set(item.args) & self.left.keys():
            self.left[a] -= 1
        self.free += [number_of(self.items[a].slot) for a in last]
        destination = item.number if item.op in REDUCTIONS else self._destination(index)
        self.words += [OPERATIONS[item.op], destination, *read, *[NONE] * (4 - len(read))]


def _order(word: int) -> int:
    """Adjoints by their column; others stay in the order of the equations."""
    return word if kind_of(word) == "ADJOINT" else 0
