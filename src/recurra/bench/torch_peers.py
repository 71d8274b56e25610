"""torch.nn's layers at their best: time-major, padded and packed, in the types they have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from recurra.bench.cases import Case, Precision
from recurra.bench.compare import Side
from recurra.bench.machine import has_bfloat16
from recurra.bench.recurra_side import Batch, autocast, changed, gradients
from recurra.engines.request import CellWeights
from recurra.layers.stack import Stack

MODULES: dict[str, Callable[..., nn.RNNBase]] = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
Run = Callable[[Tensor], Tensor]
"""x [T, B, I] -> outputs [T, B, D*H]."""


def module(case: Case, stack: Stack) -> nn.RNNBase:
    """torch's layers with our weights."""
    sizes = {"bidirectional": case.directions == 2, "num_layers": case.layers}
    peer = MODULES[case.cell](case.shape.input_size, case.shape.hidden_size, **sizes)
    peer.load_state_dict(stack.state_dict())
    return peer


def training(case: Case, stack: Stack, given: Batch) -> list[Side]:
    """Forward and backward of a full batch, each way that torch has in this precision.

    For bfloat16: under autocast, with everything in bfloat16, and in float32, where that is faster still.
    """
    peer = module(case, stack)
    sides = _each_way(case, lambda x: peer(x)[0], given, dict(peer.named_parameters()))
    if case.precision == "bfloat16" and has_bfloat16():
        half = module(case, stack).bfloat16()
        sides.append(over_time(lambda x: half(x)[0], given, dict(half.named_parameters()), "bfloat16"))
    return sides


def inference(case: Case, stack: Stack, given: Batch) -> list[Side]:
    """Forward alone, each way that torch has in this precision; called in inference mode."""
    if case.precision == "float32":
        return [_inference(module(case, stack), given, None)]
    plain = _inference(module(case, stack), given, "float32")
    if not has_bfloat16():
        return [plain]
    half = module(case, stack).bfloat16()
    under_autocast = _inference(module(case, stack), given, "autocast", autocast_as="bfloat16")
    return [under_autocast, _inference(half, given, "bfloat16"), plain]


def packed(case: Case, stack: Stack, given: Batch) -> list[Side]:
    """A ragged batch as a PackedSequence, packed and padded again as a model has to."""
    assert given.lengths is not None
    peer, lengths, time = module(case, stack), given.lengths, case.shape.time

    def run(x: Tensor) -> Tensor:
        y, _ = peer(pack_padded_sequence(x, lengths, enforce_sorted=False))
        return pad_packed_sequence(y, total_length=time)[0]

    return _each_way(case, run, given, dict(peer.named_parameters()))


def padded(case: Case, stack: Stack, given: Batch) -> list[Side]:
    """A ragged batch as a full one whose outputs past the ends nobody looks at.

    torch's backward direction would begin in the padding; here it gets its rows turned, as one does who needs right
    results.
    """
    assert given.lengths is not None
    alive = torch.arange(case.shape.time).unsqueeze(1) < given.lengths
    peer = module(case, stack)
    if case.directions == 1:
        return _each_way(case, lambda x: peer(x)[0], given, dict(peer.named_parameters()), alive)
    one, other = _directions(case, stack)
    turn = _turning(given.lengths, case.shape.time)

    def run(x: Tensor) -> Tensor:
        forward, _ = one(x)
        backward, _ = other(x.flatten(0, 1).index_select(0, turn).view(x.shape))
        backward = backward.flatten(0, 1).index_select(0, turn).view(backward.shape)
        return torch.cat([forward, backward], -1)

    names = dict(one.named_parameters()) | {f"{n}_reverse": p for n, p in other.named_parameters()}
    return _each_way(case, run, given, names, alive)


def _directions(case: Case, stack: Stack) -> tuple[nn.RNNBase, nn.RNNBase]:
    found = []
    for direction in range(2):
        layer = MODULES[case.cell](case.shape.input_size, case.shape.hidden_size)
        layer.load_state_dict({f"{n}_l0": w for n, w in stack.weights(0, direction).present().items()})
        found.append(layer)
    return found[0], found[1]


def _turning(lengths: Tensor, time: int) -> Tensor:
    """Where each place [T * B] comes from when every row is turned around within its length."""
    indices = torch.arange(time).unsqueeze(1)
    mirrored = lengths - 1 - indices
    return (torch.where(mirrored >= 0, mirrored, indices) * len(lengths) + torch.arange(len(lengths))).flatten()


def loop(case: Case, run: Callable[[Tensor, CellWeights], Tensor], stack: Stack, given: Batch) -> list[Side]:
    """A cell written as a loop over time, with weights of its own."""
    named = {name: nn.Parameter(p.detach().clone()) for name, p in stack.named_parameters()}
    weights = CellWeights.of({name.removesuffix("_l0"): p for name, p in named.items()})
    return _each_way(case, lambda x: run(x, weights), given, named)


def _each_way(case: Case, run: Run, given: Batch, named: dict[str, Any], alive: Tensor | None = None) -> list[Side]:
    """In float32, and for bfloat16 under autocast too."""
    if case.precision == "float32":
        return [over_time(run, given, named, None, alive)]

    def under_autocast(x: Tensor) -> Tensor:
        with autocast("bfloat16"):
            return run(x)

    plain = over_time(run, given, named, "float32", alive)
    return [over_time(under_autocast, given, named, "autocast", alive), plain] if has_bfloat16() else [plain]


def _inference(peer: nn.RNNBase, given: Batch, variant: str | None, *, autocast_as: Precision = "float32") -> Side:
    x = given.x.transpose(0, 1).contiguous().to(next(peer.parameters()).dtype)

    def call() -> Tensor:
        with autocast(autocast_as):
            y: Tensor = peer(x)[0]
        return y

    return Side(call, lambda y: {"y": y.transpose(0, 1)}, variant)


def over_time(run: Run, given: Batch, named: dict[str, Any], variant: str | None, alive: Tensor | None = None) -> Side:
    """Forward and backward of something that reads [T, B, I].

    alive: bool [T, B], where outputs count; only for the comparison.
    """
    weights: list[Tensor] = list(named.values())
    x = given.x.transpose(0, 1).contiguous().to(weights[0].dtype).requires_grad_()
    dy = given.dy.transpose(0, 1).contiguous()
    dy_by_type = {dtype: dy.to(dtype) for dtype in (torch.float32, torch.bfloat16)}

    def call() -> tuple[Tensor, ...]:
        changed(weights)
        y = run(x)
        return (y, *torch.autograd.grad(y, [x, *weights], dy_by_type[y.dtype]))

    def results(found: tuple[Tensor, ...]) -> dict[str, Tensor]:
        y, dx, *rest = found
        y = y if alive is None else y * alive.unsqueeze(-1)
        return gradients((y.transpose(0, 1), dx.transpose(0, 1), *rest), list(named))

    return Side(call, results, variant)
