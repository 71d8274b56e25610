"""Several elementwise operations as one that the core has: one pass over a tile, and no tile in between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from recurra.engines.native.bytecode import NONE, REDUCTIONS
from recurra.engines.native.schedule import LEAF, Item


@dataclass(frozen=True)
class _Rule:
    """`outer` that reads an `inner` at `place` becomes `op`. args: of outer, or of inner, and which."""

    outer: str
    place: int
    inner: str
    op: str
    args: str


RULES = (
    _Rule("muladd", 2, "mul", "products", "o0 o1 i0 i1"),
    _Rule("mul", 0, "add", "add_mul", "i0 i1 o1"),
    _Rule("mul", 1, "add", "add_mul", "i0 i1 o0"),
    _Rule("sigmoid_back", 0, "mul", "mul_sigmoid_back", "i0 i1 o1"),
    _Rule("tanh_back", 0, "mul", "mul_tanh_back", "i0 i1 o1"),
    _Rule("mul_sigmoid_back", 0, "sub", "sub_mul_sigmoid_back", "i0 i1 o1 o2"),
    _Rule("mul_sigmoid_back", 1, "sub", "sub_mul_sigmoid_back", "i0 i1 o0 o2"),
    _Rule("sigmoid", 0, "muladd", "muladd_sigmoid", "i0 i1 i2"),
    _Rule("tanh", 0, "muladd", "muladd_tanh", "i0 i1 i2"),
    _Rule("relu", 0, "muladd", "muladd_relu", "i0 i1 i2"),
    _Rule("reduce", 0, "mul", "reduce_mul", "i0 i1"),
)


def fuse(items: list[Item], kept: Collection[int]) -> None:
    """Change items in place; what nobody reads any more becomes an item of no level.

    kept: items whose value stands by itself, whether this code keeps it or not: training and inference round alike
    """
    reads = Counter(a for item in items for a in _read(item))

    def inner(item: Item, rule: _Rule) -> Item | None:
        """What the item reads at the rule's place, if it is only there for it."""
        index = item.args[rule.place]
        found = items[index]
        same = (found.op, found.level, found.narrow) == (rule.inner, item.level, item.narrow)
        alone = found.slot == NONE and index not in kept and reads[index] == 1
        return found if same and alone else None

    def become(item: Item, op: str, args: tuple[int, ...]) -> None:
        for a in args:
            reads[a] += 1
        _let_go(items, reads, item.args)
        item.op, item.args = op, args

    for item in items:
        changed = True
        while changed:
            changed = False
            for rule in RULES:
                if item.op == rule.outer and (found := inner(item, rule)) is not None:
                    both = {"o": item.args, "i": found.args}
                    become(item, rule.op, tuple(both[arg[0]][int(arg[1])] for arg in rule.args.split()))
                    changed = True
        if item.op == "products" and (mixed := _mixed(items, item.args)) is not None:
            become(item, "mix", mixed)


def _read(item: Item) -> tuple[int, ...]:
    return (*item.args, *(operand for _, operand in item.products))


def _let_go(items: list[Item], reads: Counter[int], args: tuple[int, ...]) -> None:
    """These are read once less."""
    for index in args:
        reads[index] -= 1
        item = items[index]
        if reads[index] == 0 and item.op not in ("leaf", *REDUCTIONS) and item.slot == NONE:
            args, item.args, item.level = item.args, (), LEAF
            item.op, item.products = "leaf", ()
            _let_go(items, reads, args)


def _mixed(items: list[Item], args: tuple[int, ...]) -> tuple[int, int, int] | None:
    """(a, b, c) if the sum of two products is a b + (1 - a) c."""
    a, b, c, d = args
    for (share, one), (other, rest) in (((a, b), (c, d)), ((b, a), (c, d)), ((a, b), (d, c)), ((b, a), (d, c))):
        if items[other].op == "one_minus" and items[other].args == (share,):
            return share, one, rest
        if items[share].op == "one_minus" and items[share].args == (other,):
            return other, rest, one
    return None
