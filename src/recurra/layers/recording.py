"""What reaches the recurrent layers of a network while it runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from recurra.engines.request import Embedded, State
from recurra.layers.stack import Stack


@dataclass(frozen=True)
class Call:
    """A stack was asked for its outputs. name: of the module; outputs, last: y and the last states; the rest as
    given to Stack.forward"""

    name: str
    stack: Stack
    x: Tensor | Embedded
    state: State | None
    lengths: Tensor | None
    outputs: Tensor
    last: State


@contextmanager
def recorded(network: nn.Module) -> Iterator[list[Call]]:
    """Every call of a stack in its order, for as long as the block runs."""
    calls: list[Call] = []

    def hook(name: str) -> Any:
        def keep(stack: Stack, given: tuple[Any, ...], named: dict[str, Any], y: Any) -> None:
            x, state = given[0], named.get("state", given[1] if len(given) > 1 else None)
            calls.append(
                Call(name, stack, x, None if state is None else tuple(state), named.get("lengths"), y[0], tuple(y[1]))
            )

        return keep

    stacks = [(name, module) for name, module in network.named_modules() if isinstance(module, Stack)]
    handles = [stack.register_forward_hook(hook(name), with_kwargs=True) for name, stack in stacks]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()
