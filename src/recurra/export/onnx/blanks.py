"""What stands in a blank, from both its sides: a graph of the left side, one of the right, one where they meet."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import nn

from recurra.export.layer_steps import floats
from recurra.export.onnx.calls import Arrays, Call, Kind, argument, named, whole
from recurra.export.onnx.graph import Graph
from recurra.export.onnx.parts import dense, looked_up, over_time, states_in, states_out
from recurra.topologies.fill import BlankFiller


def _graphs(network: BlankFiller) -> dict[str, Graph]:
    return {
        "left": _read(network, "left", carries=True),
        "right": _read(network, "right", carries=False),
        "blank": _blank(network),
    }


def _read(network: BlankFiller, side: str, *, carries: bool) -> Graph:
    """The boundary and what stands on one side, away from it; the left one goes on into the blank."""
    graph, stack = Graph(side), network.forward_stack if side == "left" else network.backward_stack
    tokens, lengths = graph.input("tokens", "INT64", ["batch", "time"]), graph.input("lengths", "INT64", ["batch"])
    state = states_in(graph, stack) if carries else None
    x = looked_up(graph, network.table, tokens)
    y, last = over_time(graph, stack, x, state, lengths, graph.size(tokens, 0))
    graph.output(y, "read", "FLOAT", ["batch", "time", stack.output_size])
    if carries:
        states_out(graph, stack, last)
    return graph


def _blank(network: BlankFiller) -> Graph:
    """The first token of a blank of so many, by what was read before it and behind it."""
    graph, width = Graph("blank"), network.forward_stack.output_size
    f, b = graph.input("before", "FLOAT", ["batch", width]), graph.input("behind", "FLOAT", ["batch", width])
    sizes = graph.input("sizes", "INT64", ["batch"])
    met = dense(graph, graph.concat([f, b], 1), network.meet)
    if network.longest > 1:
        graph.output(dense(graph, _gelu(graph, met), network.length), "lengths", "FLOAT", ["batch", network.longest])
        met = graph.add(met, graph.gather(graph.constant(floats(network.blank)), graph.sub(sizes, graph.ints(1))))
    else:
        met = graph.add(met, graph.mul(graph.number(0.0), graph.unsqueeze(graph.cast(sizes, "FLOAT"), 1)))
    joined = graph.add(dense(graph, _gelu(graph, met), network.joined), dense(graph, f, network.left))
    weight, bias = network.output_layer("both")
    u = graph.add(joined, dense(graph, b, network.right))
    graph.output(graph.linear(u, floats(weight), floats(bias)), "logits", "FLOAT", ["batch", len(weight)])
    return graph


def _gelu(graph: Graph, x: str) -> str:
    share = graph.add(graph.op("Erf", graph.mul(x, graph.number(float(np.sqrt(0.5))))), graph.number(1.0))
    return graph.mul(graph.mul(x, graph.number(0.5)), share)


def _stepped(network: BlankFiller, args: tuple[Any, ...], given: dict[str, Any], result: Any) -> Call:
    tokens, state = args[0], argument(args, given, 1, "state")
    batch, time = tokens.shape
    asked: Arrays = {"tokens": whole(tokens), "lengths": np.full(batch, time, np.int64)}
    asked |= named(network.forward_stack, state, batch)
    said: Arrays = named(network.forward_stack, result[1], batch, "next")
    return Call("left", asked, said)


def _met(network: BlankFiller, args: tuple[Any, ...], given: dict[str, Any], result: Any) -> Call | None:
    side, f, b, sizes = args
    if side != "both":
        return None
    b = b.expand(len(f), -1)
    asked: Arrays = {"before": floats(f), "behind": floats(b), "sizes": whole(sizes)}
    said = {"logits": floats(network.logits(result))}
    if network.longest > 1:
        said["lengths"] = floats(network.length_logits(f, b))
    return Call("blank", asked, said)


def _both(network: BlankFiller, args: tuple[Any, ...], given: dict[str, Any], result: Any) -> Call:
    _, right, lengths = args
    return Call("right", {"tokens": whole(right), "lengths": whole(lengths)}, {"read": floats(result[1])})


KINDS: dict[type[nn.Module], Kind] = {BlankFiller: Kind(_graphs, {"step": _stepped, "output": _met, "read": _both})}
