"""Calls of a network's methods as calls of its graphs: what goes in, what is said, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from recurra.engines.request import State
from recurra.export.layer_steps import floats
from recurra.export.onnx.graph import Graph
from recurra.layers.stack import Stack

Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Call:
    """What a network was asked, as a graph takes it, and what it said. graph: the graph's name"""

    graph: str
    inputs: Arrays
    outputs: Arrays


@dataclass(frozen=True)
class Kind:
    """A network as graphs.

    graphs: makes them, by name; calls: of the network's methods, from what one was given and returned to a call of a
    graph
    """

    graphs: Callable[[Any], dict[str, Graph]]
    calls: dict[str, Callable[[Any, tuple[Any, ...], dict[str, Any], Any], Call | None]]


def whole(values: Tensor) -> npt.NDArray[np.int64]:
    return np.ascontiguousarray(values.detach().cpu().long().numpy())


def frames_or_tokens(rows: Tensor) -> Arrays:
    """Frames are floats, tokens whole numbers."""
    return {"frames": floats(rows)} if rows.is_floating_point() else {"tokens": whole(rows)}


def named(stack: Stack, state: State | None, batch: int, prefix: str = "state") -> Arrays:
    """States by those names; what the stack begins with for None."""
    given = stack.initial_state(batch) if state is None else state
    return {f"{prefix}_{name}": floats(value) for name, value in zip(stack.cell.states, given, strict=True)}


def given_lengths(lengths: Tensor | None, batch: int, time: int) -> npt.NDArray[np.int64]:
    return np.full(batch, time, np.int64) if lengths is None else whole(lengths)


def argument(args: tuple[Any, ...], given: dict[str, Any], place: int, name: str) -> Any:
    """What a method was given, by place or by name; None if nothing."""
    return args[place] if len(args) > place else given.get(name)
