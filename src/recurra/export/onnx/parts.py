"""What the graphs of networks have in common: states in and out, tables, heads, and calls of networks as theirs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from recurra.engines.request import State
from recurra.export.layer_steps import floats
from recurra.export.onnx.graph import Graph
from recurra.export.onnx.layers import run_stack
from recurra.layers.stack import Stack
from recurra.topologies.embedding import TokenTable

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


def dense(graph: Graph, x: str, layer: nn.Linear) -> str:
    return graph.linear(x, floats(layer.weight), None if layer.bias is None else floats(layer.bias))


def looked_up(graph: Graph, table: TokenTable, tokens: str) -> str:
    """The vectors of tokens. Shapes: int64 [...] -> [..., E]"""
    return graph.gather(graph.constant(floats(table.weight * table.gain)), tokens)


def states_in(graph: Graph, stack: Stack, prefix: str = "state", layers: int | None = None) -> list[str]:
    """Inputs for the states: state_h, state_c, ... [L*D, B, H]. layers: of all stacks that share them"""
    rows = (layers or stack.num_layers) * stack.num_directions
    sizes = zip(stack.cell.states, stack.state_widths, strict=True)
    return [graph.input(f"{prefix}_{name}", "FLOAT", [rows, "batch", width]) for name, width in sizes]


def states_out(
    graph: Graph, stack: Stack, values: Sequence[str], prefix: str = "next", layers: int | None = None
) -> None:
    """Outputs of them: next_h, next_c, ..."""
    rows = (layers or stack.num_layers) * stack.num_directions
    for name, value, width in zip(stack.cell.states, values, stack.state_widths, strict=True):
        graph.output(value, f"{prefix}_{name}", "FLOAT", [rows, "batch", width])


def named(stack: Stack, state: State | None, batch: int, prefix: str = "state") -> Arrays:
    """States by those names; what the stack begins with for None."""
    given = stack.initial_state(batch) if state is None else state
    return {f"{prefix}_{name}": floats(value) for name, value in zip(stack.cell.states, given, strict=True)}


def over_time(
    graph: Graph, stack: Stack, x: str, state: Sequence[str] | None, lengths: str | None, batch: str
) -> tuple[str, tuple[str, ...]]:
    """As run_stack, of x [B, T, I] -> y [B, T, H]"""
    found = run_stack(graph, stack, graph.transpose(x, 1, 0, 2), state, lengths, batch)
    return graph.transpose(found.y, 1, 0, 2), found.last


def one_step(graph: Graph, stack: Stack, x: str, state: Sequence[str], batch: str) -> tuple[str, tuple[str, ...]]:
    """As run_stack, of x [B, I] -> y [B, H]"""
    found = run_stack(graph, stack, graph.unsqueeze(x, 0), state, None, batch)
    return graph.squeeze(found.y, 0), found.last


def inside(graph: Graph, x: str, lengths: str) -> str:
    """Whether a step is of its row. Shapes: x [B, T, ...], int64 [B] -> bool [B, T]"""
    steps = graph.unsqueeze(graph.steps(graph.size(x, 1)), 0)
    return graph.op("Less", steps, graph.unsqueeze(lengths, 1))


def given_lengths(lengths: Tensor | None, batch: int, time: int) -> npt.NDArray[np.int64]:
    return np.full(batch, time, np.int64) if lengths is None else whole(lengths)


def argument(args: tuple[Any, ...], given: dict[str, Any], place: int, name: str) -> Any:
    """What a method was given, by place or by name; None if nothing."""
    return args[place] if len(args) > place else given.get(name)
