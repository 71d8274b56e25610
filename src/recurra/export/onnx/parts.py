"""What the graphs of networks have in common: states in and out, tables, dense layers, layers over time."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from recurra.export.layer_steps import floats
from recurra.export.onnx.graph import Graph
from recurra.export.onnx.layers import run_stack
from recurra.layers.stack import Stack
from recurra.topologies.embedding import TokenTable


def dense(graph: Graph, x: str, layer: nn.Linear) -> str:
    return graph.linear(x, floats(layer.weight), None if layer.bias is None else floats(layer.bias))


def looked_up(graph: Graph, table: TokenTable, tokens: str) -> str:
    """The vectors of tokens. Shapes: int64 [...] -> [..., E]"""
    return graph.gather(graph.constant(floats(table.weight * table.gain)), tokens)


def bridged(graph: Graph, led: str, stack: Stack, layers: int) -> list[str]:
    """The states that a bridge led to, through tanh. Shapes: [B, states * L * H] -> [L, B, H] each"""
    states = len(stack.cell.states)
    apart = graph.transpose(graph.reshape(graph.op("Tanh", led), 0, states, layers, -1), 1, 2, 0, 3)
    return [graph.squeeze(part, 0) for part in graph.split(apart, [1] * states, 0)]


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
