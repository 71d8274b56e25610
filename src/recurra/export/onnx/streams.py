"""Networks that read tokens or frames in order: a graph of whole sequences, and of a step where a state carries on."""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
from torch import Tensor, nn

from recurra.engines.request import State
from recurra.export.layer_steps import floats
from recurra.export.onnx.calls import Arrays, Call, Kind, argument, frames_or_tokens, given_lengths, named, whole
from recurra.export.onnx.graph import Graph
from recurra.export.onnx.parts import dense, inside, looked_up, one_step, over_time, states_in, states_out
from recurra.export.onnx.pictures import encoded_pictures
from recurra.layers.sparse_linear import Sparse, known
from recurra.layers.stack import Stack
from recurra.topologies.ensembles import ClassifierEnsemble, first_of
from recurra.topologies.frames import FrameNetwork
from recurra.topologies.many_to_many import NextToken
from recurra.topologies.many_to_one import (
    SequenceClassifier,
    Spelt,
    TextClassifier,
    faded,
    text_features,
    tokens_of,
)
from recurra.topologies.outputs import AdaptiveSoftmax, Softmax

TEXT = ["batch", "time"]


def scores(graph: Graph, head: Softmax | AdaptiveSoftmax, y: str) -> str:
    """What an output layer says of all tokens."""
    if isinstance(head, Softmax):
        return dense(graph, y, head)
    edges, weight, bias = head.edges, floats(head.weight), floats(head.bias)
    first = np.concatenate([weight[: edges[1]], floats(head.group_weight)])
    offset = np.concatenate([bias[: edges[1]], floats(head.group_bias)])
    groups = len(edges) - 2
    logs = graph.op("LogSoftmax", graph.linear(y, first, offset), axis=-1)
    direct, *which = graph.split(logs, [edges[1], *[1] * groups], -1)
    found = [direct]
    for i in range(groups):
        part = slice(edges[i + 1], edges[i + 2])
        within = graph.op("LogSoftmax", graph.linear(y, weight[part], bias[part]), axis=-1)
        found.append(graph.add(within, which[i]))
    return graph.concat(found, -1)


def _next_token(network: NextToken) -> dict[str, Graph]:
    whole_text, step = Graph("sequence"), Graph("step")
    tokens, lengths = whole_text.input("tokens", "INT64", TEXT), whole_text.input("lengths", "INT64", ["batch"])
    state = states_in(whole_text, network.stack)
    x = looked_up(whole_text, network.table, tokens)
    y, last = over_time(whole_text, network.stack, x, state, lengths, whole_text.size(tokens, 0))
    size = len(network.table.weight)
    whole_text.output(scores(whole_text, network.head, y), "logits", "FLOAT", [*TEXT, size])
    states_out(whole_text, network.stack, last)
    token = step.input("tokens", "INT64", ["batch"])
    state = states_in(step, network.stack)
    y, last = one_step(step, network.stack, looked_up(step, network.table, token), state, step.size(token, 0))
    step.output(scores(step, network.head, y), "logits", "FLOAT", ["batch", size])
    states_out(step, network.stack, last)
    return {"sequence": whole_text, "step": step}


def _called(network: Any, args: tuple[Any, ...], given: dict[str, Any], result: Any) -> Call:
    """forward of a network of tokens or frames."""
    inputs, lengths, state = tokens_of(args[0]), argument(args, given, 1, "lengths"), argument(args, given, 2, "state")
    batch, time = inputs.shape[:2]
    carries, sees = network.why_no_state() is None, getattr(network, "encoder", None) is not None
    steps = getattr(network, "per_frame", isinstance(network, NextToken))
    if steps and carries and time == 1 and state is not None:
        return _stepped(network, inputs, state, result)
    asked = frames_or_tokens(inputs) | {"lengths": given_lengths(lengths, batch, time)}
    said, after = {"logits": floats(result[0])}, result[1]
    if sees:
        asked["before"] = floats(inputs[:, 0] if state is None else state[-1][0])
    if carries and sees:
        said["next_before"] = floats(after[-1][0])
        state, after = state and state[:-1], after[:-1]
    if carries:
        asked |= named(network.stack, state, batch)
        said |= named(network.stack, after, batch, "next")
    if isinstance(args[0], Spelt) and (reader := getattr(first_of(network), "reader", None)) is not None:
        letters, ends = args[0].letters, args[0].letter_lengths
        asked |= {"letters": whole(reader.known(letters)), "letter_lengths": given_lengths(ends, *letters.shape)}
    if isinstance(network, TextClassifier) and skips(network):
        asked |= skip_inputs(network, args[0], lengths)
    return Call("sequence", asked, said)


def _stepped(network: Any, inputs: Tensor, state: State, result: Any) -> Call:
    asked, batch = frames_or_tokens(inputs[:, 0]), len(inputs)
    said, after = {"logits": floats(result[0][:, 0])}, result[1]
    if getattr(network, "encoder", None) is not None:
        asked["before"], said["next_before"] = floats(state[-1][0]), floats(after[-1][0])
        state, after = state[:-1], after[:-1]
    said |= named(network.stack, after, batch, "next")
    return Call("step", asked | named(network.stack, state, batch), said)


def skip_inputs(network: TextClassifier, inputs: Tensor | Spelt, lengths: Tensor | None) -> dict[str, Any]:
    """The known n-grams of texts: which, of which row, how much; and how much of the skip each row gets."""
    skip = network.skip
    assert skip is not None
    every = text_features(inputs, lengths, network.orders, network.spelling)
    found = known(every, skip.keys, skip.scale)
    ends = given_lengths(lengths, *tokens_of(inputs).shape[:2])
    share = faded(network.skip_after.new_tensor(ends), network.skip_after) * skip.share
    return sparse_inputs(found) | {"skip_share": floats(share)}


def sparse_inputs(found: Sparse) -> Arrays:
    """What `sparse` reads."""
    return {
        "skip_features": whole(found.features),
        "skip_rows": whole(found.owners()),
        "skip_values": floats(found.values),
    }


def pooled(graph: Graph, how: str, stack: Stack, y: str, last: str, lengths: str) -> str:
    """What of the outputs is looked at. Shapes: y [B, T, D*H], last [L*D, B, H] -> [B, D*H], for all [B, 3*D*H]"""
    if how == "all":
        return graph.concat([pooled(graph, one, stack, y, last, lengths) for one in ("last", "mean", "max")], -1)
    if how == "mean":
        total = graph.op("ReduceSum", y, graph.ints(1), keepdims=0)
        return graph.div(total, graph.cast(graph.unsqueeze(lengths, 1), "FLOAT"))
    if how == "max":
        there = graph.unsqueeze(inside(graph, y, lengths), 2)
        return graph.op("ReduceMax", graph.where(there, y, graph.number(float("-inf"))), axes=[1], keepdims=0)
    rows = stack.num_layers * stack.num_directions
    top = [graph.squeeze(s, 0) for s in graph.split(last, [1] * rows, 0)[-stack.num_directions :]]
    return graph.concat(top, 1) if stack.merge == "concat" or len(top) == 1 else graph.add(*top)


def _classifier(network: SequenceClassifier) -> dict[str, Graph]:
    graph, stack = Graph("sequence"), network.stack
    tokens, lengths = graph.input("tokens", "INT64", TEXT), graph.input("lengths", "INT64", ["batch"])
    carries = network.why_no_state() is None
    state = states_in(graph, stack) if carries else None
    logits, last = _classes(graph, network, tokens, lengths, letters_in(graph, network), state)
    logits = _with_skip(graph, network, logits, tokens)
    graph.output(logits, "logits", "FLOAT", ["batch", len(network.head.weight)])
    if carries:
        states_out(graph, stack, last)
    return {"sequence": graph}


def _classes(
    graph: Graph,
    network: SequenceClassifier,
    tokens: str,
    lengths: str,
    letters: tuple[str, str] | None,
    state: list[str] | None = None,
) -> tuple[str, tuple[str, ...]]:
    """Logits without a skip, and the last states. letters: as `letters_in` gives them"""
    stack, batch = network.stack, graph.size(tokens, 0)
    y, last = over_time(graph, stack, looked_up(graph, network.table, tokens), state, lengths, batch)
    seen = pooled(graph, network.pooling, stack, y, last[0], lengths)
    if network.reader is not None:
        assert letters is not None
        reader, (spelt, ends) = network.reader, letters
        y, ended = over_time(graph, reader.stack, looked_up(graph, reader.table, spelt), None, ends, batch)
        seen = graph.concat([seen, pooled(graph, reader.pooling, reader.stack, y, ended[0], ends)], -1)
    return dense(graph, seen, network.head), last


def letters_in(graph: Graph, network: SequenceClassifier) -> tuple[str, str] | None:
    """The known characters of texts, rows of their table, and how many each has, where a network reads them."""
    if network.reader is None:
        return None
    return graph.input("letters", "INT64", ["batch", "letters"]), graph.input("letter_lengths", "INT64", ["batch"])


def _with_skip(graph: Graph, network: TextClassifier, logits: str, tokens: str) -> str:
    skip = network.skip
    if skip is None or not skips(network):
        return logits
    beside = sparse(graph, skip, graph.size(tokens, 0))
    share = graph.unsqueeze(graph.input("skip_share", "FLOAT", ["batch"]), 1)
    alone = float(network.skip_alone)
    if alone != 1:
        less = graph.mul(share, graph.number((1 - alone) / float(skip.share)))
        logits = graph.mul(logits, graph.add(less, graph.number(alone)))
    return graph.add(logits, graph.mul(share, beside))


def _ensemble(network: ClassifierEnsemble) -> dict[str, Graph]:
    """The mean of the probabilities, as logarithms."""
    graph = Graph("sequence")
    tokens, lengths = graph.input("tokens", "INT64", TEXT), graph.input("lengths", "INT64", ["batch"])
    members = cast("list[SequenceClassifier]", list(network.members))
    letters, classes = letters_in(graph, members[0]), len(members[0].head.weight)
    logs = list[str]()
    for member in members:
        found = graph.op("LogSoftmax", _classes(graph, member, tokens, lengths, letters)[0], axis=1)
        logs.append(graph.unsqueeze(found, 0))
    total = graph.op("ReduceLogSumExp", graph.concat(logs, 0), axes=[0], keepdims=0)
    mean = graph.sub(total, graph.number(math.log(len(logs))))
    logits = graph.mul(mean, graph.number(float(network.sharpness)))
    graph.output(_with_skip(graph, network, logits, tokens), "logits", "FLOAT", ["batch", classes])
    return {"sequence": graph}


def skips(network: Any) -> bool:
    """Whether a linear skip has a share in what is said."""
    return network.skip is not None and bool(network.skip.share)


def sparse(graph: Graph, skip: Any, rows: str) -> str:
    """W v + b of features that are given with their values. rows: int64 [1], how many. Shapes: -> [N, C]"""
    features, owners = graph.input("skip_features", "INT64", ["found"]), graph.input("skip_rows", "INT64", ["found"])
    values = graph.unsqueeze(graph.input("skip_values", "FLOAT", ["found"]), 1)
    each = graph.mul(graph.gather(graph.constant(floats(skip.weight)), features), values)
    zeros = graph.filled(graph.concat([rows, graph.ints(skip.weight.shape[1])], 0))
    total = graph.op("ScatterND", zeros, graph.unsqueeze(owners, 1), each, reduction="add")
    return graph.add(total, graph.constant(floats(skip.bias)))


def _frames(network: FrameNetwork) -> dict[str, Graph]:
    graph = Graph("sequence")
    _frames_over_time(network, graph)
    if network.why_no_state() is not None or not network.per_frame:
        return {"sequence": graph}
    step, stack = Graph("step"), network.stack
    frame = step.input("frames", "FLOAT", ["batch", _width(network)])
    x = frame
    if network.encoder is not None:
        before = step.input("before", "FLOAT", ["batch", _width(network)])
        x = encoded_pictures(step, network.encoder, frame, before)
        step.output(frame, "next_before", "FLOAT", ["batch", _width(network)])
    y, last = one_step(step, stack, x, states_in(step, stack), step.size(frame, 0))
    step.output(dense(step, y, network.head), "logits", "FLOAT", ["batch", len(network.head.weight)])
    states_out(step, stack, last)
    return {"sequence": graph, "step": step}


def _width(network: FrameNetwork) -> int:
    shape = None if network.encoder is None else network.encoder.shape
    return network.stack.input_size if shape is None else shape[0] * shape[1] * shape[2]


def _frames_over_time(network: FrameNetwork, graph: Graph) -> None:
    stack, width, classes = network.stack, _width(network), len(network.head.weight)
    frames, lengths = graph.input("frames", "FLOAT", [*TEXT, width]), graph.input("lengths", "INT64", ["batch"])
    batch, carries, x, whole_rows = graph.size(frames, 0), network.why_no_state() is None, frames, lengths
    if network.encoder is not None:
        before = graph.unsqueeze(graph.input("before", "FLOAT", ["batch", width]), 1)
        earlier = graph.cut(graph.concat([before, frames], 1), 0, -1, 1)
        flat = [graph.reshape(each, -1, width) for each in (frames, earlier)]
        found = encoded_pictures(graph, network.encoder, *flat)
        shape = graph.concat([graph.op("Shape", frames, end=2), graph.ints(network.encoder.output_size)], 0)
        x = graph.op("Reshape", found, shape)
    if network.encoder is not None or network.delay:
        x = graph.where(graph.unsqueeze(inside(graph, frames, lengths), 2), x, graph.number(0.0))
    if network.delay:
        x = graph.op("Pad", x, graph.ints(0, 0, 0, 0, network.delay, 0))
        lengths = graph.add(lengths, graph.ints(network.delay))
    y, last = over_time(graph, stack, x, states_in(graph, stack) if carries else None, lengths, batch)
    if network.delay:
        y = graph.cut(y, network.delay, None, 1)
    if not network.per_frame:
        y = pooled(graph, network.pooling, stack, y, last[0], lengths)
    said: list[int | str] = [*TEXT, classes] if network.per_frame else ["batch", classes]
    graph.output(dense(graph, y, network.head), "logits", "FLOAT", said)
    if carries:
        states_out(graph, stack, last)
        if network.encoder is not None:
            ends = graph.sub(whole_rows, graph.ints(1))
            index = graph.op("Expand", graph.unsqueeze(ends, 1, 2), graph.concat([batch, graph.ints(1, width)], 0))
            last_frames = graph.op("GatherElements", frames, index, axis=1)
            graph.output(graph.squeeze(last_frames, 1), "next_before", "FLOAT", ["batch", width])


KINDS: dict[type[nn.Module], Kind] = {
    NextToken: Kind(_next_token, {"forward": _called}),
    SequenceClassifier: Kind(_classifier, {"forward": _called}),
    ClassifierEnsemble: Kind(_ensemble, {"forward": _called}),
    FrameNetwork: Kind(_frames, {"forward": _called}),
}
