"""Networks that read and then write: a graph of what is read, and one of a step of writing, to search around."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import nn

from recurra.export.layer_steps import floats
from recurra.export.onnx.calls import Arrays, Call, Kind, given_lengths, named, whole
from recurra.export.onnx.graph import Graph
from recurra.export.onnx.layers import for_each_row, run_stack
from recurra.export.onnx.parts import bridged, dense, inside, looked_up, one_step, over_time, states_in, states_out
from recurra.export.onnx.pictures import grid_of, narrow
from recurra.layers.stack import Stack
from recurra.topologies.attention import Attention
from recurra.topologies.captioner import Captioner
from recurra.topologies.copying import FULLEST, LEAST, NEAR, NOWHERE, Copying
from recurra.topologies.decoder import Reading
from recurra.topologies.encoder_decoder import EncoderDecoder
from recurra.topologies.grid_encoders import Apart, GivenVectors, SmallConvolutions

Writer = EncoderDecoder | Captioner


def _layers(network: Writer) -> int:
    return network.lower.num_layers + (0 if network.upper is None else network.upper.num_layers)


def _begun(graph: Graph, network: Writer, batch: str) -> list[str]:
    """What the decoder's layers begin with by themselves. Shapes: -> [L, B, H] each"""
    stacks = [stack for stack in (network.lower, network.upper) if stack is not None]
    parts = zip(*(stack.initial_state(1) for stack in stacks), strict=True)
    return [for_each_row(graph, np.concatenate([floats(s) for s in each]), batch) for each in parts]


def _remember(graph: Graph, attention: Attention, values: str) -> str:
    """Keys of a memory."""
    return values if attention.score == "dot" else dense(graph, values, attention.of_memory)


def _memory_out(graph: Graph, network: Writer, values: str, past: str, seen: int) -> None:
    assert network.attention is not None
    keys = _remember(graph, network.attention, values)
    query = network.lower.hidden_size
    graph.output(values, "values", "FLOAT", ["batch", "source", seen])
    graph.output(keys, "keys", "FLOAT", ["batch", "source", seen if network.attention.score == "dot" else query])
    graph.output(past, "past", "BOOL", ["batch", "source"])


def _vectors(graph: Graph, network: EncoderDecoder, source: str) -> str:
    """Of what is read, a draft among it or not. Shapes: int64 [B, S] -> [B, S, E]"""
    tables = [each for each in (network.source, network.draft) if each is not None]
    return graph.gather(graph.constant(np.concatenate([floats(each.weight) for each in tables])), source)


def _encoder(network: EncoderDecoder) -> Graph:
    graph, stack = Graph("encoder"), network.encoder
    source = graph.input("source", "INT64", ["batch", "source"])
    lengths = graph.input("source_lengths", "INT64", ["batch"])
    batch = graph.size(source, 0)
    y, last = over_time(graph, stack, _vectors(graph, network, source), None, lengths, batch)
    layers, directions = stack.num_layers, stack.num_directions
    if network.settings.bridge == "none":
        state = _begun(graph, network, batch)
    else:
        both = [graph.reshape(s, layers, directions, -1, stack.hidden_size) for s in last]
        if network.settings.bridge == "copy":
            state = [graph.op("ReduceSum", s, graph.ints(1), keepdims=0) for s in both]
        else:
            apart = [graph.transpose(s, 0, 2, 1, 3) for s in both]
            joined = [graph.reshape(s, layers, -1, directions * stack.hidden_size) for s in apart]
            bridges = [each for each in network.bridge if isinstance(each, nn.Linear)]
            state = [graph.op("Tanh", dense(graph, s, line)) for s, line in zip(joined, bridges, strict=True)]
    states_out(graph, network.lower, state, "state", _layers(network))
    if network.attention is not None:
        past = graph.op("Not", inside(graph, source, lengths))
        _memory_out(graph, network, y, past, stack.output_size)
        if network.copies:
            nothing = graph.ints(-1)
            copied = graph.op("Max", graph.sub(source, graph.ints(network.own_size)), nothing)
            graph.output(graph.where(past, nothing, copied), "copied", "INT64", ["batch", "source"])
            own = graph.op(
                "And", inside(graph, source, lengths), graph.op("Less", source, graph.ints(network.own_size))
            )
            graph.output(
                graph.op("ReduceSum", graph.cast(own, "INT64"), graph.ints(1), keepdims=0), "place", "INT64", ["batch"]
            )
    return graph


def _seen(graph: Graph, network: Captioner) -> tuple[str, str]:
    """What is seen, narrow [B, grid, P], and how many pictures, int64 [1]."""
    if isinstance(network.encoder, SmallConvolutions):
        assert isinstance(network.reduce, Apart)
        pictures = graph.input("pictures", "UINT8", ["batch", 3, "height", "width"])
        found, batch = narrow(graph, grid_of(graph, network.encoder, pictures), network.reduce), graph.size(pictures, 0)
    else:
        assert isinstance(network.encoder, GivenVectors)
        assert isinstance(network.reduce, nn.Linear)
        grid = graph.input("vectors", "FLOAT", ["batch", network.positions, network.encoder.width])
        batch = graph.size(grid, 0)
        centred = graph.sub(grid, graph.mean(grid, -1))
        variance = graph.mean(graph.mul(centred, centred), -1)
        grid = graph.div(centred, graph.op("Sqrt", graph.add(variance, graph.number(1e-5))))
        found = dense(graph, grid, network.reduce)
    return graph.op("Relu", graph.add(found, graph.constant(floats(network.place)))), batch


def _seer(network: Captioner) -> Graph:
    """Of pictures as bytes, or of the vectors of a frozen encoder."""
    graph, width = Graph("encoder"), network.settings.picture_size
    assert network.bridge is not None
    grid, batch = _seen(graph, network)
    means = graph.op("ReduceMean", grid, axes=[1], keepdims=0)
    highest = graph.op("ReduceMax", grid, axes=[1], keepdims=0)
    seen = graph.concat([means, highest], 1)
    led, state = dense(graph, seen, network.bridge), _begun(graph, network, batch)
    if network.settings.condition == "input":
        fed = led
        if network.settings.input_feeding:
            nothing = graph.filled(graph.concat([batch, graph.ints(network.features)], 0))
            fed = graph.concat([led, nothing], 1)
        state = list(run_stack(graph, network.lower, graph.unsqueeze(fed, 0), state, None, batch).last)
    else:
        parts = bridged(graph, led, network.lower, _layers(network))
        state = [graph.add(begun, part) for begun, part in zip(state, parts, strict=True)]
    states_out(graph, network.lower, state, "state", _layers(network))
    if network.attention is not None:
        shape = graph.concat([batch, graph.ints(network.positions)], 0)
        _memory_out(graph, network, grid, graph.cast(graph.filled(shape), "BOOL"), width)
    if network.given:
        graph.output(seen, "given", "FLOAT", ["batch", network.given])
    return graph


def _step(network: Writer) -> Graph:
    """As Decoder.step."""
    graph, low, up = Graph("decoder_step"), network.lower, network.upper
    token = graph.input("tokens", "INT64", ["batch"])
    batch, layers = graph.size(token, 0), _layers(network)
    state = states_in(graph, low, layers=layers)
    x = [looked_up(graph, network.target, token)]
    if network.settings.input_feeding:
        x.append(graph.input("feed", "FLOAT", ["batch", network.features]))
    given = graph.input("given", "FLOAT", ["batch", network.given]) if network.given else None
    x += [] if given is None else [given]
    sizes = [low.num_layers] if up is None else [low.num_layers, up.num_layers]
    parts = [graph.split(s, sizes, 0) for s in state]
    y, last = one_step(graph, low, graph.concat(x, 1), [p[0] for p in parts], batch)
    after = [list(each) for each in zip(last, strict=True)]
    if network.attention is not None:
        y, after = _looked(graph, network, network.attention, y, [p[-1] for p in parts], after, batch)
    read = y if given is None else graph.concat([y, given], 1)
    features = graph.op("Tanh", dense(graph, read, network.combine))
    logits = graph.linear(features, floats(network.output_weight()), floats(network.bias))
    if isinstance(network, EncoderDecoder) and network.copying is not None:
        logits = _with_copies(graph, network, network.copying, logits, features)
    graph.output(logits, "logits", "FLOAT", ["batch", len(network.bias)])
    states_out(graph, low, [graph.concat(each, 0) for each in after], layers=layers)
    if network.settings.input_feeding:
        graph.output(features, "next_feed", "FLOAT", ["batch", network.features])
    return graph


def _with_copies(graph: Graph, network: EncoderDecoder, copying: Copying, logits: str, features: str) -> str:
    """As Copying: log-probabilities. Shapes: [B, V], [B, F]"""
    zero, seen = graph.ints(0), network.encoder.output_size
    copied, token = graph.input("copied", "INT64", ["batch", "source"]), "tokens"
    place = _followed(graph, copied, token, graph.input("place", "INT64", ["batch"]))
    graph.output(place, "next_place", "INT64", ["batch"])
    able = graph.op("GreaterOrEqual", copied, zero)
    query = graph.unsqueeze(graph.linear(features, floats(copying.query.weight)), 2)
    scores = graph.mul(graph.squeeze(graph.matmul("values", query), 2), graph.number(seen**-0.5))
    ahead = graph.sub(graph.unsqueeze(graph.steps(graph.size(copied, 1)), 0), graph.unsqueeze(place, 1))
    offset = graph.op("Min", graph.op("Max", ahead, graph.ints(-NEAR)), graph.ints(NEAR))
    near = graph.gather(graph.constant(floats(copying.near)), graph.add(offset, graph.ints(NEAR)))
    scores = graph.where(able, graph.add(scores, near), graph.number(NOWHERE))
    gate = graph.op("Sigmoid", dense(graph, features, copying.gate))
    mass = graph.where(able, graph.mul(gate, graph.op("Softmax", scores, axis=1)), graph.number(0.0))
    nothing, at = graph.mul(logits, graph.number(0.0)), graph.op("Max", copied, zero)
    there = graph.op("ScatterElements", nothing, at, mass, axis=1, reduction="add")
    whole_ = graph.op("Min", graph.op("ReduceSum", mass, graph.ints(1), keepdims=1), graph.number(FULLEST))
    left = graph.op("Log", graph.sub(graph.number(1.0), whole_))
    written = graph.add(graph.op("LogSoftmax", logits, axis=1), left)
    parts = [written, graph.op("Log", graph.op("Max", there, graph.number(LEAST)))]
    most = graph.op("Max", *parts)
    return graph.add(most, graph.op("Log", graph.add(*(graph.op("Exp", graph.sub(part, most)) for part in parts))))


def _followed(graph: Graph, copied: str, token: str, place: str) -> str:
    """As copying.follow, of one token. Shapes: int64 [B, S], [B], [B] -> [B]"""
    far, two = graph.ints(2 * NEAR + 2), graph.ints(2)
    ahead = graph.sub(graph.unsqueeze(graph.steps(graph.size(copied, 1)), 0), graph.unsqueeze(place, 1))
    ahead = graph.mul(two, ahead)
    distance = graph.where(graph.op("Less", ahead, graph.ints(0)), graph.sub(graph.ints(1), ahead), ahead)
    distance = graph.where(graph.op("Equal", copied, graph.unsqueeze(token, 1)), distance, far)
    least = graph.op("ReduceMin", distance, axes=[1], keepdims=0)
    nearest = graph.op("ArgMin", distance, axis=1, keepdims=0)
    return graph.where(graph.op("Less", least, far), graph.add(nearest, graph.ints(1)), place)


def _looked(
    graph: Graph, network: Writer, attention: Attention, y: str, upper: list[str], after: list[list[str]], batch: str
) -> tuple[str, list[list[str]]]:
    """Attention, and the layers above it."""
    sizes = attention_sizes(network, attention)
    values = graph.input("values", "FLOAT", ["batch", "source", sizes[0]])
    keys = graph.input("keys", "FLOAT", ["batch", "source", sizes[1]])
    past = graph.input("past", "BOOL", ["batch", "source"])
    if attention.score == "additive":
        query = graph.unsqueeze(dense(graph, y, attention.of_query), 1)
        mixed = graph.op("Tanh", graph.add(query, keys))
        found = graph.squeeze(graph.linear(mixed, floats(attention.weight)[None]), 2)
    else:
        found = graph.squeeze(graph.matmul(keys, graph.unsqueeze(y, 2)), 2)
    weights = graph.op("Softmax", graph.where(past, graph.number(float("-inf")), found), axis=1)
    context = graph.squeeze(graph.matmul(graph.unsqueeze(weights, 1), values), 1)
    graph.output(weights, "weights", "FLOAT", ["batch", "source"])
    y = graph.concat([y, context], 1)
    if network.upper is not None:
        top, last = one_step(graph, network.upper, y, upper, batch)
        after = [[*each, value] for each, value in zip(after, last, strict=True)]
        y = graph.concat([top, context], 1)
    return y, after


def attention_sizes(network: Writer, attention: Attention) -> tuple[int, int]:
    """Of values and of keys."""
    seen = network.encoder.output_size if isinstance(network, EncoderDecoder) else network.settings.picture_size
    return seen, seen if attention.score == "dot" else network.lower.hidden_size


def _graphs(network: Writer) -> dict[str, Graph]:
    if isinstance(network, EncoderDecoder):
        return {"encoder": _encoder(network), "decoder_step": _step(network)}
    if network.encoder is None:
        return {"decoder_step": _step(network)}
    return {"encoder": _seer(network), "decoder_step": _step(network)}


def _standing(stack: Stack, reading: Reading, prefix: str, *, memory: bool) -> Arrays:
    """A reading by names."""
    found = named(stack, reading.state, 0, prefix)
    if memory and reading.memory is not None:
        found |= {"values": floats(reading.memory.values), "keys": floats(reading.memory.keys)}
        found["past"] = reading.memory.past.cpu().numpy()
        if reading.memory.copied is not None:
            found["copied"] = whole(reading.memory.copied)
    if reading.positions is not None:
        found["place" if memory else "next_place"] = whole(reading.positions[:, -1])
    if memory and reading.given is not None:
        found["given"] = floats(reading.given)
    return found


def _read(network: Writer, args: tuple[Any, ...], given: dict[str, Any], result: Reading) -> Call | None:
    said = _standing(network.lower, result, "state", memory=True)
    if isinstance(network, Captioner):
        if isinstance(network.encoder, SmallConvolutions):
            return Call("encoder", {"pictures": args[0].cpu().numpy()}, said)
        return Call("encoder", {"vectors": floats(args[0])}, said) if network.encoder is not None else None
    lengths = given_lengths(args[1], *args[0].shape)
    return Call("encoder", {"source": whole(args[0]), "source_lengths": lengths}, said)


def _stepped(network: Writer, args: tuple[Any, ...], given: dict[str, Any], result: Any) -> Call:
    tokens, reading = args
    logits, weights, after = result
    asked: Arrays = {"tokens": whole(tokens)}
    asked |= _standing(network.lower, reading, "state", memory=True)
    said = {"logits": floats(logits)} | _standing(network.lower, after, "next", memory=False)
    if reading.feed is not None:
        asked["feed"], said["next_feed"] = floats(reading.feed), floats(after.feed)
    if weights is not None:
        said["weights"] = floats(weights)
    return Call("decoder_step", asked, said)


KINDS: dict[type[nn.Module], Kind] = {
    EncoderDecoder: Kind(_graphs, {"read": _read, "step": _stepped}),
    Captioner: Kind(_graphs, {"read": _read, "step": _stepped}),
}
