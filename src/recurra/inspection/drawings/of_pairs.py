"""The blueprints of networks that read one thing and write another."""

from __future__ import annotations

from typing import Any

from recurra.inspection.drawings.blueprint import (
    Block,
    Blueprint,
    Lane,
    Read,
    blueprint,
    counted,
    last_of,
    layers,
    steps,
)
from recurra.topologies.captioner import Captioner
from recurra.topologies.decoder import Decoder
from recurra.topologies.encoder_decoder import EncoderDecoder
from recurra.topologies.grid_encoders import GivenVectors

WRITTEN = Lane(("<s>", "y1", "y2"))


@blueprint.register
def _(network: EncoderDecoder) -> Blueprint:
    kinds, width = network.source.weight.shape
    kinds += 0 if network.draft is None else len(network.draft.weight)
    with_gloss = ", a draft after them" if network.copies else ""
    encoder = layers(network, "encoder", network.encoder, [Read("table")], time="S")
    blocks = [
        Block("x", "input", f"tokens that are read{with_gloss}, {kinds:,} kinds", "[B, S]", sign="x"),
        Block(
            "table",
            "table",
            "token vectors",
            f"[B, S, {width}]",
            (Read("x"),),
            counted(network, "source", "draft"),
            sign="e",
        ),
        *encoder,
    ]
    states: tuple[Read, ...] = ()
    if network.settings.bridge != "none":
        how = "tanh, dense" if network.settings.bridge == "dense" else "directions summed"
        wide = network.settings.hidden_size
        blocks.append(
            Block(
                "bridge",
                "dense",
                f"last states to first ones: {how}",
                f"[{network.settings.num_layers}, B, {wide}]",
                (Read(last_of(encoder), "last"),),
                counted(network, "bridge"),
                once=True,
                lane=1,
            )
        )
        states = (Read("bridge", "state"),)
    blocks += _writing(network, 2, Read(last_of(encoder)), states, "S")
    return Blueprint("encoder and decoder", tuple(blocks), (Lane(steps("x", 3)), Lane(), WRITTEN))


@blueprint.register
def _(network: Captioner) -> Blueprint:
    blocks: list[Block] = [Block("x", "input", "picture", "[B, 3, S, S]", once=True)]
    states: tuple[Read, ...] = ()
    beside: tuple[Read, ...] = ()
    looked = Read("grid")
    condition = network.settings.condition
    if network.encoder is not None and network.bridge is not None:
        seen, positions = network.settings.picture_size, network.positions
        blocks += [
            Block(
                "seen",
                "dense",
                _seen(network),
                f"[B, {positions}, {network.encoder.width}]",
                (Read("x"),),
                counted(network, "trunk", "encoder"),
                once=True,
            ),
            Block(
                "grid",
                "dense",
                f"{positions} places, narrow",
                f"[B, {positions}, {seen}]",
                (Read("seen"),),
                counted(network, "reduce", "place"),
                once=True,
            ),
            Block(
                "bridge",
                "dense",
                "first input" if condition == "input" else "to the first states",
                f"[B, {network.bridge.out_features}]",
                (Read("grid"),),
                counted(network, "bridge"),
                once=True,
            ),
        ]
        states = (Read("bridge", "state"),)
        beside = (Read("grid"),) if network.given else ()
    blocks += _writing(network, 1, looked, states, str(network.positions), beside)
    return Blueprint("captions", tuple(blocks), (Lane(), WRITTEN))


def _seen(network: Captioner) -> str:
    if not isinstance(network.encoder, GivenVectors):
        return "convolutions"
    return "vectors of the picture" if network.trunk is None else "convolutions, trained elsewhere"


def _writing(
    network: Decoder[Any, Any],
    lane: int,
    looked: Read,
    states: tuple[Read, ...],
    positions: str,
    beside: tuple[Read, ...] = (),
) -> list[Block]:
    """The half that writes. looked: at what attention looks; beside: what is part of each step's input"""
    settings, kinds = network.settings, len(network.target.weight)
    feed = (Read("combine", "feed"),) if settings.input_feeding else ()
    lower = layers(network, "lower", network.lower, [Read("target"), *beside, *feed, *states], lane=lane)
    wide = settings.embedding_size
    blocks = [
        Block("t", "input", f"tokens written so far, {kinds:,} kinds", "[B, T]", sign="y", lane=lane),
        Block(
            "target",
            "table",
            "token vectors",
            f"[B, T, {wide}]",
            (Read("t"),),
            counted(network, "target"),
            sign="e",
            lane=lane,
        ),
        *lower,
    ]
    top: tuple[Read, ...] = (Read(last_of(lower)),)
    if network.attention is not None:
        blocks.append(
            Block(
                "attention",
                "attention",
                f"attention ({network.attention.score})",
                f"[B, T, {positions}] over what was read",
                (*top, looked),
                counted(network, "attention"),
                lane=lane,
                sign="a",
            )
        )
        top = (Read("attention"),)
    if network.upper is not None:
        upper = layers(network, "upper", network.upper, [*top, *states], lane=lane)
        blocks += upper
        top = (Read(last_of(upper)),)
    tied, copies = network.weight is None, isinstance(network, EncoderDecoder) and network.copies
    copied = ", a share of it copied from what was read" if copies else ""
    blocks += [
        Block(
            "combine",
            "dense",
            "features, tanh",
            f"[B, T, {network.features}]",
            top,
            counted(network, "combine"),
            sign="f",
            lane=lane,
        ),
        Block(
            "head",
            "dense",
            ("output layer, the token vectors" if tied else "output layer") + copied,
            f"[B, T, {network.begin}]",
            (Read("combine"), *([Read("attention")] if copies else [])),
            counted(network, "bias", "weight", "copying"),
            sign="z",
            lane=lane,
        ),
        Block("y", "output", "next token", f"[B, T, {network.begin}]", (Read("head"),), sign="y", lane=lane),
    ]
    return blocks
