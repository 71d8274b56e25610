"""A network as blocks and arrows, which drawings are made of."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property, singledispatch
from typing import Literal

from torch import nn

from recurra.errors import UsageError
from recurra.layers.stack import Stack

Kind = Literal["input", "table", "recurrent", "dense", "attention", "pooling", "skip", "sum", "output"]
Flow = Literal["values", "last", "state", "feed"]
"""How a block is read: at every step; at its last step alone; as the state that others begin from; one step later."""
MEMBER = re.compile(r"^members\.\d+\.")


@dataclass(frozen=True)
class Read:
    """A block that another one reads."""

    name: str
    flow: Flow = "values"


@dataclass(frozen=True)
class Block:
    """A part of a network.

    title: for people; shape: of what it gives, by the letters of axes; parameters: numbers to learn; once: whether it
    works once for a sequence, not at every step; lane: where it stands, see Lane; sign: what its box shows where there
    is one for each step; chains: of a recurrent layer, "forward", "backward" or both; states: their names
    """

    name: str
    kind: Kind
    title: str
    shape: str
    reads: tuple[Read, ...] = ()
    parameters: int = 0
    once: bool = False
    lane: int = 0
    sign: str = ""
    chains: tuple[str, ...] = ()
    states: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """Shape and parameters."""
        return " · ".join([self.shape, *([f"{self.parameters:,} parameters"] if self.parameters else [])])


@dataclass(frozen=True)
class Lane:
    """Blocks below each other. steps: what is read at each step, as x1, x2; none where all of it happens once"""

    steps: tuple[str, ...] = ()


@dataclass(frozen=True)
class Blueprint:
    """blocks: each after those whose values it reads; members: networks of an ensemble, of which one is drawn"""

    title: str
    blocks: tuple[Block, ...]
    lanes: tuple[Lane, ...]
    members: int = 1
    note: str = field(default="")

    @cached_property
    def levels(self) -> dict[str, int]:
        """How far from the inputs each block stands: one above the highest that it reads."""
        found: dict[str, int] = {}
        for block in self.blocks:
            below = [found[read.name] for read in block.reads if read.flow not in ("state", "feed")]
            found[block.name] = max(below, default=-1) + 1
        return found

    @property
    def heading(self) -> str:
        """The title, with how many networks there are."""
        return f"{self.title} of {self.members} networks, one of them drawn" if self.members > 1 else self.title

    @property
    def description(self) -> str:
        """All blocks in words."""
        return "; ".join(f"{block.title} {block.words}" for block in self.blocks)

    @property
    def parameters(self) -> int:
        """Of all blocks."""
        return sum(block.parameters for block in self.blocks)

    def block(self, name: str) -> Block:
        return next(block for block in self.blocks if block.name == name)


POOLED = {
    "last": "last states",
    "mean": "mean over time",
    "max": "maximum over time",
    "all": "last states, mean and maximum",
}
"""What poolings look at, for people."""


@singledispatch
def blueprint(network: nn.Module) -> Blueprint:
    """A network as blocks. Errors: UsageError for one of no kind that is known"""
    raise UsageError(f"a network of a task or a stack of layers can be drawn, got a {type(network).__name__}")


def steps(sign: str, count: int = 4) -> tuple[str, ...]:
    """What is read at each step: x1, x2, ..."""
    return tuple(f"{sign}{number}" for number in range(1, count + 1))


def last_of(blocks: tuple[Block, ...]) -> str:
    return blocks[-1].name


def counted(network: nn.Module, *prefixes: str) -> int:
    """Numbers to learn of the parts with these names, of an ensemble those of all its members; a tied one stands
    under its first name."""
    total = 0
    for name, parameter in network.named_parameters():
        own = MEMBER.sub("", name)
        if any(own == prefix or own.startswith(f"{prefix}.") for prefix in prefixes):
            total += parameter.numel()
    return total


def conditions(network: nn.Module, count: int, width: int) -> tuple[Block, Block]:
    """So many attributes that a sequence is written for, and the sum of their vectors."""
    given = Block("c", "input", "class or attributes", f"[B, {count}]", once=True)
    reads, parameters = (Read("c"),), counted(network, "values")
    return given, Block("condition", "table", "their vectors, summed", f"[B, {width}]", reads, parameters, once=True)


def to_first_states(network: nn.Module, width: int) -> Block:
    """What makes first states of `conditions`."""
    reads, parameters = (Read("condition"),), counted(network, "bridge")
    return Block("bridge", "dense", "to the first states", f"[B, {width}]", reads, parameters, once=True)


def layers(
    network: nn.Module,
    name: str,
    stack: Stack,
    reads: Iterable[Read],
    *,
    lane: int = 0,
    batch: str = "B",
    time: str = "T",
) -> tuple[Block, ...]:
    """A block for each layer of a stack, the lowest first; the others read the one below them and begin as it does."""
    given = tuple(reads)
    states = tuple(read for read in given if read.flow == "state")
    chains = ("forward", "backward")[: stack.num_directions]
    both = ", both ways" if stack.bidirectional else ""
    wide = str(stack.output_size)
    cell = stack.cell.name.partition("+")[0]
    made: list[Block] = []
    for layer in range(stack.num_layers):
        number = f" {layer + 1}" if stack.num_layers > 1 else ""
        made.append(
            Block(
                f"{name}.{layer}",
                "recurrent",
                f"{cell} layer{number}{both}",
                f"[{batch}, {time}, {wide}]",
                given if layer == 0 else (Read(f"{name}.{layer - 1}"), *states),
                _of_layer(network, name, layer, stack.num_layers),
                lane=lane,
                sign=stack.cell.states[0],
                chains=chains,
                states=stack.cell.states,
            )
        )
    return tuple(made)


def _of_layer(network: nn.Module, name: str, layer: int, count: int) -> int:
    """Of a layer's parameters, and its share of what the stack's initial states learn."""
    total = 0
    for key, parameter in network.named_parameters():
        own = MEMBER.sub("", key)
        if not own.startswith(f"{name}."):
            continue
        found = re.search(r"_l(\d+)(?:_reverse)?(?:\.|$)", own)
        if found is None:
            total += parameter.numel() // count
        elif int(found.group(1)) == layer:
            total += parameter.numel()
    return total
