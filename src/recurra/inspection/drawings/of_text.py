"""The blueprints of networks of text."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import nn

from recurra.inspection.drawings.blueprint import (
    POOLED,
    Block,
    Blueprint,
    Flow,
    Lane,
    Read,
    blueprint,
    conditions,
    counted,
    last_of,
    layers,
    steps,
    to_first_states,
)
from recurra.layers.stack import Stack
from recurra.topologies.characters import CharacterReader
from recurra.topologies.ensembles import ClassifierEnsemble, Ensemble, TaggerEnsemble
from recurra.topologies.fill import BlankFiller
from recurra.topologies.many_to_many import NextToken
from recurra.topologies.many_to_one import SequenceClassifier
from recurra.topologies.one_to_many import ConditionedDecoder
from recurra.topologies.outputs import AdaptiveSoftmax
from recurra.topologies.tagger import Tagger


@blueprint.register
def _(network: Stack) -> Blueprint:
    # its parameters have no prefix: a holder gives them one
    holder = nn.Module()
    holder.stack = network
    x = Block("x", "input", "values", f"[B, T, {network.input_size}]", sign="x")
    own = layers(holder, "stack", network, [Read("x")])
    return Blueprint("recurrent layers", (x, *own), (Lane(steps("x")),))


@blueprint.register
def _(network: SequenceClassifier) -> Blueprint:
    return _classifier(network, network, "classifier")


@blueprint.register
def _(network: ClassifierEnsemble) -> Blueprint:
    (first, *_) = network.members
    assert isinstance(first, SequenceClassifier)
    return _classifier(first, network, "ensemble of classifiers")


def _classifier(one: SequenceClassifier, whole: Any, title: str) -> Blueprint:
    vocabulary, width = one.table.weight.shape
    stack, classes = one.stack, one.head.out_features
    own = layers(whole, "stack", stack, [Read("table")])
    flow: Flow = "last" if one.pooling == "last" else "values"
    read = () if one.reader is None else _characters(one.reader, whole, flow)
    pooled = (Read("pooled"), Read("spelt")) if read else (Read("pooled"),)
    blocks = [
        Block("x", "input", f"tokens, {vocabulary:,} kinds", "[B, T]", sign="x"),
        Block("table", "table", "token vectors", f"[B, T, {width}]", (Read("x"),), counted(whole, "table"), sign="e"),
        *own,
        *read,
        Block(
            "pooled",
            "pooling",
            POOLED[one.pooling],
            f"[B, {one.head.in_features // (2 if read else 1)}]",
            (Read(last_of(own), flow),),
            once=True,
        ),
        Block("head", "dense", "output layer", f"[B, {classes}]", pooled, counted(whole, "head"), once=True),
    ]
    return _with_skip(
        blocks,
        whole,
        title,
        f"[B, {classes}]",
        "n-grams of the text",
        Block("y", "output", "class", f"[B, {classes}]", once=True),
        lanes=(Lane(steps("x")), Lane(steps("c"))) if read else (Lane(steps("x")),),
    )


def _characters(reader: CharacterReader, whole: Any, flow: Flow) -> tuple[Block, ...]:
    """What reads the characters of a text, in a lane of its own."""
    rows, width = reader.table.weight.shape
    table = counted(whole, "reader.table")
    own = layers(whole, "reader.stack", reader.stack, [Read("letters")], lane=1, time="L")
    wide = reader.stack.output_size * (3 if reader.pooling == "all" else 1)
    end = (Read(last_of(own), flow),)
    return (
        Block("c", "input", f"characters, {rows:,} kinds", "[B, L]", sign="c", lane=1),
        Block("letters", "table", "their vectors", f"[B, L, {width}]", (Read("c"),), table, sign="v", lane=1),
        *own,
        Block("spelt", "pooling", POOLED[reader.pooling], f"[B, {wide}]", end, once=True, lane=1),
    )


def _with_skip(
    blocks: list[Block],
    whole: Any,
    title: str,
    shape: str,
    reads: str,
    output: Block,
    beside: tuple[Read, ...] = (),
    lanes: tuple[Lane, ...] = (Lane(steps("x")),),
) -> Blueprint:
    """With the linear skip, if the network has one, the mean of an ensemble, and the output at the end."""
    end, members = blocks[-1].name, 1
    if isinstance(whole, Ensemble):
        members = len(whole.members)
        blocks.append(
            Block("mean", "sum", f"mean of {members} networks", shape, (Read(end),), once=blocks[-1].once, sign="+")
        )
        end = "mean"
    note = ""
    if whole.skip is not None:
        lanes = (*lanes, Lane())
        features = len(whole.skip.keys)
        blocks.append(
            Block(
                "skip",
                "skip",
                "linear skip",
                f"{shape}, {features:,} features",
                (Read("x"),),
                counted(whole, "skip"),
                once=True,
                lane=len(lanes) - 1,
            )
        )
        blocks.append(
            Block(
                "sum",
                "sum",
                f"logits + {float(whole.skip.share):.2g} x skip",
                shape,
                (Read(end), Read("skip")),
                once=blocks[-2].once,
                sign="+",
            )
        )
        end = "sum"
        note = f"The linear skip reads {reads}; it is fitted apart, after the training."
    blocks.append(replace(output, reads=(Read(end), *beside)))
    return Blueprint(title, tuple(blocks), lanes, members, note)


@blueprint.register
def _(network: Tagger) -> Blueprint:
    return _tagger(network, network, "tagger")


@blueprint.register
def _(network: TaggerEnsemble) -> Blueprint:
    (first, *_) = network.members
    assert isinstance(first, Tagger)
    return _tagger(first, network, "ensemble of taggers")


def _tagger(one: Tagger, whole: Any, title: str) -> Blueprint:
    forms, stack, tags = one.forms, one.stack, one.head.out_features
    blocks = [Block("x", "input", "tokens", "[B, T]", sign="x")]
    more = [name for name, there in (("pairs", forms.pairs), ("characters", forms.characters)) if there is not None]
    vectors = " and ".join(["vectors of words", *more])
    shape = f"[B, T, {forms.width}]"
    blocks.append(Block("words", "table", vectors, shape, (Read("x"),), counted(whole, "forms"), sign="e"))
    own = layers(whole, "stack", stack, [Read("words")])
    blocks += own
    shape = f"[B, T, {tags}]"
    blocks.append(
        Block("head", "dense", "output layer", shape, (Read(last_of(own)),), counted(whole, "head"), sign="z")
    )
    ends = "best row of tags (CRF)" if one.transitions.learned else "tag"
    output = Block("y", "output", ends, shape, parameters=counted(whole, "transitions"), sign="y")
    return _with_skip(blocks, whole, title, shape, "each token, its spelling and its neighbours", output)


@blueprint.register
def _(network: NextToken) -> Blueprint:
    vocabulary, width = network.table.weight.shape
    own = layers(network, "stack", network.stack, [Read("table")])
    tied = network.head.weight is network.table.weight
    title = "adaptive output" if isinstance(network.head, AdaptiveSoftmax) else "output layer"
    shape = f"[B, T, {vocabulary}]"
    blocks = (
        Block("x", "input", f"tokens, {vocabulary:,} kinds", "[B, T]", sign="x"),
        Block("table", "table", "token vectors", f"[B, T, {width}]", (Read("x"),), counted(network, "table"), sign="e"),
        *own,
        Block(
            "head",
            "dense",
            f"{title}, the token vectors" if tied else title,
            shape,
            (Read(last_of(own)),),
            counted(network, "head"),
            sign="z",
        ),
        Block("y", "output", "next token", shape, (Read("head"),), sign="y"),
    )
    return Blueprint("language model", blocks, (Lane(steps("x")),))


@blueprint.register
def _(network: BlankFiller) -> Blueprint:
    rows, width = network.table.weight.shape
    hidden, tokens = network.left.in_features, network.vocabulary_size
    forward = layers(network, "forward_stack", network.forward_stack, [Read("left")], lane=0)
    backward = layers(network, "backward_stack", network.backward_stack, [Read("right")], lane=2)
    turned = tuple(_turned(block) for block in backward)
    blocks = (
        Block("l", "input", f"tokens before the blank, {rows:,} kinds", "[B, T]", sign="x"),
        Block("r", "input", "tokens behind it", "[B, T]", sign="x", lane=2),
        Block("left", "table", "token vectors", f"[B, T, {width}]", (Read("l"),), counted(network, "table"), sign="e"),
        Block("right", "table", "the same vectors", f"[B, T, {width}]", (Read("r"),), sign="e", lane=2),
        *forward,
        *turned,
        Block(
            "meet",
            "dense",
            "what both sides say",
            f"[B, {2 * hidden}] to [B, {width}]",
            (Read(last_of(forward), "last"), Read(last_of(turned), "last")),
            counted(network, "left", "right", "meet", "joined", "blank", "length"),
            once=True,
            lane=1,
        ),
        Block(
            "head",
            "dense",
            "output layer, the token vectors",
            f"[B, {tokens}]",
            (Read("meet"),),
            counted(network, "bias"),
            once=True,
            lane=1,
        ),
        Block("y", "output", "what stands in the blank", f"[B, {tokens}]", (Read("head"),), once=True, lane=1),
    )
    lanes = Lane(("x1", "x2", "x3")), Lane(), Lane(("x5", "x6", "x7"))
    return Blueprint("filler of blanks", blocks, lanes)


def _turned(block: Block) -> Block:
    """The same, run from the end."""
    return replace(block, chains=("backward",), title=f"{block.title}, from the end")


@blueprint.register
def _(network: ConditionedDecoder) -> Blueprint:
    kinds, width = network.table.weight.shape
    outputs = network.head.out_features
    states = (Read("bridge", "state"),) if network.bridge is not None else ()
    beside = (Read("condition"),) if network.beside else ()
    own = layers(network, "stack", network.stack, [Read("table"), *beside, *states], lane=1)
    blocks = [*conditions(network, len(network.values), width)]
    if network.bridge is not None:
        blocks.append(to_first_states(network, network.bridge.out_features))
    blocks += [
        Block("x", "input", f"tokens so far, {kinds:,} kinds", "[B, T]", sign="x", lane=1),
        Block(
            "table",
            "table",
            "token vectors",
            f"[B, T, {width}]",
            (Read("x"),),
            counted(network, "table"),
            sign="e",
            lane=1,
        ),
        *own,
        Block(
            "head",
            "dense",
            "output layer",
            f"[B, T, {outputs}]",
            (Read(last_of(own)),),
            counted(network, "head"),
            sign="z",
            lane=1,
        ),
        Block("y", "output", "next token", f"[B, T, {outputs}]", (Read("head"),), sign="y", lane=1),
    ]
    return Blueprint("generator", tuple(blocks), (Lane(), Lane(("<s>", "y1", "y2", "y3"))))
