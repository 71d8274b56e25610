"""Networks that begin from a condition: a graph that begins, one of a step, one of whole sequences."""

from __future__ import annotations

from typing import Any

from torch import nn

from recurra.export.layer_steps import floats
from recurra.export.onnx.calls import Call, Kind, argument, frames_or_tokens, given_lengths, named, whole
from recurra.export.onnx.graph import Graph
from recurra.export.onnx.parts import bridged, dense, looked_up, one_step, over_time, states_in, states_out
from recurra.topologies.frame_generator import ConditionedFrames, FrameGenerator
from recurra.topologies.one_to_many import ConditionedDecoder

Generator = ConditionedDecoder | FrameGenerator


def _condition(graph: Graph, network: Generator) -> str:
    """The sum of the values' vectors. Shapes: -> [B, E]"""
    indices = graph.input("indices", "INT64", ["batch", len(network.values)])
    parts = graph.split(indices, [1] * len(network.values), 1)
    total = ""
    for part, values in zip(parts, network.values, strict=True):
        table = graph.constant(floats(values.get_parameter("weight")))
        vector = graph.gather(table, graph.squeeze(part, 1))
        total = graph.add(total, vector) if total else vector
    return total


def _starts(graph: Graph, network: Generator, vectors: str) -> list[str] | None:
    """States that a condition makes, None for those that the layers begin with."""
    if network.bridge is None:
        return None
    return bridged(graph, dense(graph, vectors, network.bridge), network.stack, network.stack.num_layers)


def _beside(network: Generator) -> bool:
    return isinstance(network, FrameGenerator) or network.beside


def _read(graph: Graph, network: Generator, given: str, condition: str) -> str:
    """What the layers read. condition: as wide in time as what is given"""
    if isinstance(network, FrameGenerator):
        x = given
        for layer in network.reader:
            assert isinstance(layer, nn.Linear)
            x = graph.op("Relu", dense(graph, x, layer))
    else:
        x = looked_up(graph, network.table, given)
    return graph.concat([x, condition], -1) if _beside(network) else x


def _said(graph: Graph, network: Generator, y: str, given: str, condition: str) -> str:
    if isinstance(network, ConditionedDecoder):
        return dense(graph, y, network.head)
    outputs = dense(graph, graph.concat([y, condition], -1), network.head)
    if network.step is None:
        return outputs
    count = network.mixtures * network.width
    before, means, scales = graph.split(outputs, [1 + network.mixtures, count, count], -1)
    moved = graph.concat([dense(graph, given, network.step)] * network.mixtures, -1)
    return graph.concat([before, graph.add(means, moved), scales], -1)


def _graphs(network: Generator) -> dict[str, Graph]:
    begin, step, text = Graph("begin"), Graph("step"), Graph("sequence")
    stack, outputs = network.stack, len(network.head.weight)
    frames = isinstance(network, FrameGenerator)
    name, kind = ("frames", "FLOAT") if frames else ("tokens", "INT64")
    more: list[int | str] = [network.width] if isinstance(network, FrameGenerator) else []
    vectors = _condition(begin, network)
    width = network.values[0].get_parameter("weight").shape[1]
    begin.output(vectors, "condition", "FLOAT", ["batch", width])
    if (starts := _starts(begin, network, vectors)) is not None:
        states_out(begin, stack, starts, "state")
    given = step.input(name, kind, ["batch", *more])
    state = states_in(step, stack)
    condition = step.input("condition", "FLOAT", ["batch", width]) if _beside(network) else ""
    x = _read(step, network, given, condition)
    y, last = one_step(step, stack, x, state, step.size(given, 0))
    step.output(_said(step, network, y, given, condition), "outputs", "FLOAT", ["batch", outputs])
    states_out(step, stack, last)
    given = text.input(name, kind, ["batch", "time", *more])
    lengths, condition = text.input("lengths", "INT64", ["batch"]), _condition(text, network)
    starts = _starts(text, network, condition)
    shape = text.concat([text.op("Shape", given, end=2), text.ints(width)], 0)
    spread = text.op("Expand", text.unsqueeze(condition, 1), shape)
    x = _read(text, network, given, spread)
    y, last = over_time(text, stack, x, starts, lengths, text.size(given, 0))
    text.output(_said(text, network, y, given, spread), "outputs", "FLOAT", ["batch", "time", outputs])
    states_out(text, stack, last)
    return {"begin": begin, "step": step, "sequence": text}


def _called(network: Generator, args: tuple[Any, ...], given: dict[str, Any], result: Any) -> Call | None:
    inputs, lengths, state = args[0], argument(args, given, 1, "lengths"), argument(args, given, 2, "state")
    rows = inputs.frames if isinstance(inputs, ConditionedFrames) else inputs.tokens
    batch, time = rows.shape[:2]
    read, stack = frames_or_tokens(rows), network.stack
    said = named(stack, result[1], batch, "next")
    if state is None:
        asked = read | {"lengths": given_lengths(lengths, batch, time), "indices": whole(inputs.indices)}
        return Call("sequence", asked, {"outputs": floats(result[0])} | said)
    if time != 1:
        return None
    asked = {n: v[:, 0] for n, v in read.items()} | named(stack, state, batch)
    if _beside(network):
        asked["condition"] = floats(network.condition(inputs.indices))
    return Call("step", asked, {"outputs": floats(result[0][:, 0])} | said)


def _began(network: Generator, args: tuple[Any, ...], given: dict[str, Any], result: Any) -> Call:
    said = {"condition": floats(result)}
    if network.bridge is not None:
        said |= named(network.stack, network.start(result), len(result))
    return Call("begin", {"indices": whole(args[0])}, said)


KINDS: dict[type[nn.Module], Kind] = {
    ConditionedDecoder: Kind(_graphs, {"forward": _called, "condition": _began}),
    FrameGenerator: Kind(_graphs, {"forward": _called, "condition": _began}),
}
