"""A tag for each token: the vectors of forms, layers in both directions, and the row of tags that scores highest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from recurra.export.layer_steps import floats
from recurra.export.onnx.calls import Arrays, Call, Kind, argument, given_lengths, named, whole
from recurra.export.onnx.graph import Graph
from recurra.export.onnx.layers import run_stack
from recurra.export.onnx.parts import dense, inside, over_time, states_in, states_out
from recurra.export.onnx.streams import skips, sparse, sparse_inputs
from recurra.layers.sparse_linear import known
from recurra.topologies.ensembles import TaggerEnsemble, first_of
from recurra.topologies.neighbourhood import neighbourhood
from recurra.topologies.paths import Transitions
from recurra.topologies.tagger import FormTable, Tagger, TagScorer


@dataclass(frozen=True)
class _Given:
    """The names of what is read; None for what no network of an ensemble reads."""

    tokens: str
    lengths: str
    words: str
    pairs: str | None
    letters: tuple[str, str] | None

    @classmethod
    def of(cls, graph: Graph, forms: FormTable) -> _Given:
        tokens, lengths = graph.input("tokens", "INT64", ["batch", "time"]), graph.input("lengths", "INT64", ["batch"])
        words = graph.input("words", "INT64", ["forms"])
        pairs = None if forms.pairs is None else graph.input("pairs", "INT64", ["forms"])
        letters = None
        if forms.characters is not None:
            longest = graph.input("letters", "INT64", ["forms", "longest"])
            letters = longest, graph.input("letter_lengths", "INT64", ["forms"])
        return cls(tokens, lengths, words, pairs, letters)


def _forms(graph: Graph, forms: FormTable, given: _Given) -> str:
    """The vectors of the distinct forms. Shapes: -> [U, E]"""
    found = [graph.gather(graph.constant(floats(forms.words.weight)), given.words)]
    if forms.pairs is not None and given.pairs is not None:
        found.append(graph.gather(graph.constant(floats(forms.pairs.weight)), given.pairs))
    if forms.characters is not None and given.letters is not None:
        letters, lengths = given.letters
        x = graph.gather(graph.constant(floats(forms.characters.weight)), graph.transpose(letters, 1, 0))
        last = run_stack(graph, forms.reader, x, None, lengths, graph.size(given.words, 0)).last[0]
        found += [graph.squeeze(part, 0) for part in graph.split(last, [1, 1], 0)]
    return graph.concat(found, 1)


def _scored(
    graph: Graph, network: Tagger, given: _Given, state: list[str] | None = None
) -> tuple[str, tuple[str, ...]]:
    """Logits without a skip, and the last states."""
    x = graph.gather(_forms(graph, network.forms, given), given.tokens)
    y, last = over_time(graph, network.stack, x, state, given.lengths, graph.size(given.tokens, 0))
    return dense(graph, y, network.head), last


def _said(graph: Graph, network: TagScorer, logits: str, given: _Given) -> None:
    """What is said of the logits, and of the skip that stands beside them."""
    tags = len(network.transitions.scores()[1])
    if network.skip is not None and skips(network):
        rows = graph.mul(graph.size(given.tokens, 0), graph.size(given.tokens, 1))
        share = graph.input("skip_share", "FLOAT", [])
        beside = graph.op("Reshape", sparse(graph, network.skip, rows), graph.op("Shape", logits))
        logits = graph.add(logits, graph.mul(share, beside))
    graph.output(logits, "logits", "FLOAT", ["batch", "time", tags])
    best = _best(graph, network.transitions, logits, given.tokens, given.lengths)
    graph.output(best, "tags", "INT64", ["batch", "time"])


def _graphs(network: Tagger) -> dict[str, Graph]:
    graph = Graph("sequence")
    given, carries = _Given.of(graph, network.forms), network.why_no_state() is None
    logits, last = _scored(graph, network, given, states_in(graph, network.stack) if carries else None)
    _said(graph, network, logits, given)
    if carries:
        states_out(graph, network.stack, last)
    return {"sequence": graph}


def _ensemble(network: TaggerEnsemble) -> dict[str, Graph]:
    """The mean of the scores."""
    graph = Graph("sequence")
    members = [member for member in network.members if isinstance(member, Tagger)]
    given = _Given.of(graph, members[0].forms)
    found = [graph.unsqueeze(_scored(graph, member, given)[0], 0) for member in members]
    mean = graph.op("ReduceMean", graph.concat(found, 0), axes=[0], keepdims=0)
    _said(graph, network, graph.mul(mean, graph.number(float(network.sharpness))), given)
    return {"sequence": graph}


def _best(graph: Graph, transitions: Transitions, logits: str, tokens: str, lengths: str) -> str:
    """The rows of tags with the highest score (Viterbi), 0 past each row's end. Shapes: -> int64 [B, T]"""
    there = inside(graph, tokens, lengths)
    if not transitions.learned and transitions.free:
        return graph.mul(graph.op("ArgMax", logits, axis=2, keepdims=0), graph.cast(there, "INT64"))
    follows, begins, ends = (floats(each) for each in transitions.scores())
    tags = len(begins)
    by_time, alive = graph.transpose(logits, 1, 0, 2), graph.transpose(there, 1, 0)
    first = graph.op("Equal", graph.steps(graph.size(logits, 1)), graph.constant(np.int64(0), "i"))
    score = graph.filled(graph.concat([graph.size(logits, 0), graph.ints(tags)], 0))
    total, back = _forward(graph, follows, begins, score, by_time, alive, graph.unsqueeze(first, 1))
    last = graph.op("ArgMax", graph.add(total, graph.constant(ends)), axis=1, keepdims=0)
    found = _backward(graph, last, back, alive)
    return graph.transpose(found, 1, 0)


def _forward(
    graph: Graph, follows: Any, begins: Any, score: str, by_time: str, alive: str, first: str
) -> tuple[str, str]:
    """-> the last scores [B, C], and where the best row comes from at each step, int64 [T, B, C]"""
    body, tags = Graph(graph.fresh("viterbi"), graph), len(begins)
    before = body.input(body.fresh("score"), "FLOAT", ["B", tags])
    own, there = body.input(body.fresh("own"), "FLOAT", ["B", tags]), body.input(body.fresh("there"), "BOOL", ["B"])
    begun = body.input(body.fresh("first"), "BOOL", [1])
    ways = body.add(body.unsqueeze(before, 2), body.constant(follows))
    best = body.op("ReduceMax", ways, axes=[1], keepdims=0)
    source = body.op("ArgMax", ways, axis=1, keepdims=0)
    reached = body.add(body.where(begun, body.constant(begins), best), own)
    here = body.unsqueeze(there, 1)
    stay = body.constant(np.arange(tags, dtype=np.int64))
    body.output(body.where(here, reached, before), body.fresh("score"), "FLOAT", ["B", tags])
    body.output(body.where(here, source, stay), body.fresh("source"), "INT64", ["B", tags])
    total, back = graph.many("Scan", [score, by_time, alive, first], 2, body=body.body(), num_scan_inputs=3)
    return total, back


def _backward(graph: Graph, last: str, back: str, alive: str) -> str:
    """Shapes: last int64 [B], back int64 [T, B, C] -> int64 [T, B]"""
    body = Graph(graph.fresh("trace"), graph)
    tag = body.input(body.fresh("tag"), "INT64", ["B"])
    source = body.input(body.fresh("source"), "INT64", ["B", "C"])
    there = body.input(body.fresh("there"), "BOOL", ["B"])
    before = body.op("GatherElements", source, body.unsqueeze(tag, 1), axis=1)
    body.output(body.squeeze(before, 1), body.fresh("tag"), "INT64", ["B"])
    body.output(body.mul(tag, body.cast(there, "INT64")), body.fresh("found"), "INT64", ["B"])
    directions = {"scan_input_directions": [1, 1], "scan_output_directions": [1]}
    return graph.many("Scan", [last, back, alive], 2, body=body.body(), num_scan_inputs=2, **directions)[1]


def _called(network: Tagger | TaggerEnsemble, args: tuple[Any, ...], given: dict[str, Any], result: Any) -> Call:
    forms, lengths, state = args[0], argument(args, given, 1, "lengths"), argument(args, given, 2, "state")
    batch, time = forms.tokens.shape
    ends = given_lengths(lengths, batch, time)
    asked: Arrays = {"tokens": whole(forms.tokens), "lengths": ends, "words": whole(forms.words)}
    read = network.forms if isinstance(network, Tagger) else first_of(network).forms
    assert isinstance(read, FormTable)
    if read.pairs is not None:
        asked["pairs"] = whole(forms.pairs)
    if read.characters is not None:
        asked |= {"letters": whole(forms.letters), "letter_lengths": whole(forms.letter_lengths)}
    if network.skip is not None and skips(network):
        around = neighbourhood(forms.tokens, forms.words, lengths, forms.letters, forms.letter_lengths)
        found = known(around, network.skip.keys, network.skip.scale)
        asked |= sparse_inputs(found) | {"skip_share": floats(network.skip.share).reshape(())}
    whole_rows = result[0].new_tensor(ends).long()
    best = network.transitions.best(result[0], whole_rows)
    said: Arrays = {"logits": floats(result[0]), "tags": whole(best)}
    if isinstance(network, Tagger) and network.why_no_state() is None:
        asked |= named(network.stack, state, batch)
        said |= named(network.stack, result[1], batch, "next")
    return Call("sequence", asked, said)


KINDS: dict[type[nn.Module], Kind] = {
    Tagger: Kind(_graphs, {"forward": _called}),
    TaggerEnsemble: Kind(_ensemble, {"forward": _called}),
}
