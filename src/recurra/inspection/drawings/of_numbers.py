"""The blueprints of networks of frames and series."""

from __future__ import annotations

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
from recurra.topologies.forecaster import Forecaster
from recurra.topologies.frame_generator import FrameGenerator
from recurra.topologies.frames import FrameNetwork


@blueprint.register
def _(network: FrameNetwork) -> Blueprint:
    width = network.stack.input_size
    blocks = [Block("x", "input", "frames", f"[B, T, {width}]", sign="x")]
    below = "x"
    if network.encoder is not None:
        blocks = [
            Block("x", "input", "pictures", "[B, T, pixels]", sign="x"),
            Block(
                "encoder",
                "dense",
                "convolutions over each picture and the one before",
                f"[B, T, {width}]",
                (Read("x"),),
                counted(network, "encoder"),
                sign="v",
            ),
        ]
        below = "encoder"
    own = layers(network, "stack", network.stack, [Read(below)])
    classes, end = network.head.out_features, last_of(own)
    blocks += own
    if network.per_frame:
        later = f", {network.delay} frames later" if network.delay else ""
        shape = f"[B, T, {classes}]"
        blocks += [
            Block("head", "dense", "output layer", shape, (Read(end),), counted(network, "head"), sign="z"),
            Block("y", "output", f"label of the frame{later}", shape, (Read("head"),), sign="y"),
        ]
    else:
        shape = f"[B, {classes}]"
        flow: Flow = "last" if network.pooling == "last" else "values"
        wide = network.head.in_features
        blocks += [
            Block("pooled", "pooling", POOLED[network.pooling], f"[B, {wide}]", (Read(end, flow),), once=True),
            Block("head", "dense", "output layer", shape, (Read("pooled"),), counted(network, "head"), once=True),
            Block("y", "output", "class", shape, (Read("head"),), once=True),
        ]
    return Blueprint("classifier of frames", tuple(blocks), (Lane(steps("x")),))


@blueprint.register
def _(network: FrameGenerator) -> Blueprint:
    width, outputs = network.width, network.head.out_features
    reader = network.reader[-1]
    assert isinstance(reader, nn.Linear)
    own = layers(network, "stack", network.stack, [Read("reader"), Read("condition"), Read("bridge", "state")], lane=1)
    beside = network.stack.input_size - reader.out_features
    end = [Read(last_of(own)), Read("condition")]
    blocks = [
        *conditions(network, len(network.values), beside),
        to_first_states(network, network.bridge.out_features),
        Block("x", "input", "frames so far", f"[B, T, {width}]", sign="x", lane=1),
        Block(
            "reader",
            "dense",
            "two dense layers",
            f"[B, T, {reader.out_features}]",
            (Read("x"),),
            counted(network, "reader"),
            sign="r",
            lane=1,
        ),
        *own,
        Block(
            "head",
            "dense",
            "output layer",
            f"[B, T, {outputs}]",
            tuple(end),
            counted(network, "head"),
            sign="z",
            lane=1,
        ),
    ]
    read = [Read("head")]
    if network.step is not None:
        blocks.append(
            Block(
                "step",
                "skip",
                "linear map of the frame",
                f"[B, T, {width}]",
                (Read("x"),),
                counted(network, "step"),
                lane=2,
                once=True,
            )
        )
        read.append(Read("step"))
    said = f"next frame: end, {network.mixtures} Gaussians"
    blocks.append(Block("y", "output", said, f"[B, T, {outputs}]", tuple(read), sign="y", lane=1))
    lanes = (Lane(), Lane(("0", "y1", "y2", "y3")), *([Lane()] if network.step is not None else []))
    return Blueprint("generator of frames", tuple(blocks), lanes)


@blueprint.register
def _(network: Forecaster) -> Blueprint:
    read, widths = network.stack.input_size, network.widths
    own = layers(network, "stack", network.stack, [Read("x")], time=str(network.window))
    quantiles = f"[B, {network.horizon}, {widths.target}, {len(network.levels)}]"
    seen = network.stack.output_size
    beside = "linear skip of the window"
    if network.perceptron is not None:
        beside += f", {network.drawn.units} drawn units of its last {network.drawn.steps}"
    blocks = [
        Block(
            "x", "input", f"window of {network.window} steps, normalised", f"[B, {network.window}, {read}]", sign="x"
        ),
        *own,
        Block("pooled", "pooling", "last output", f"[B, {seen}]", (Read(last_of(own), "last"),), once=True),
        Block(
            "head",
            "dense",
            f"all {network.horizon} steps ahead at once",
            quantiles,
            (Read("pooled"),),
            counted(network, "head", "ahead"),
            once=True,
        ),
        Block(
            "skip",
            "skip",
            beside,
            f"[B, {network.horizon}, {widths.target}]",
            (Read("x"),),
            counted(network, "skip", "perceptron"),
            once=True,
            lane=1,
        ),
        Block(
            "y", "output", "quantiles", quantiles, (Read("head"), Read("skip")), counted(network, "spread"), once=True
        ),
    ]
    note = "The linear skip is a ridge regression in closed form; the recurrent part learns what it leaves."
    return Blueprint("forecaster", tuple(blocks), (Lane(steps("x")), Lane()), note=note)
