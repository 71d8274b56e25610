"""Layers whose matrices are kept, and mapped with, in 8 bits: for inference alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from recurra.engines.quantised import MATRICES, ByteWeights, Rounded, rounded
from recurra.engines.request import Embedded, State, Stream
from recurra.errors import UsageError
from recurra.recurrence import stream_in_bytes, unroll_in_bytes

if TYPE_CHECKING:
    from recurra.layers.stack import Stack

VALUES, SCALE = "_int8", "_scale"
"""What the names of a matrix' numbers and of its rows' scales end with in the state_dict."""


class Kept:
    """The weights of each layer and direction as they were last used; copies and pickles begin without."""

    def __init__(self) -> None:
        self.found: dict[tuple[int, int], tuple[Any, ByteWeights]] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return Kept, ()


def matrices(stack: Stack) -> list[str]:
    """The names of the matrices of all layers and directions, as they are in a state_dict of floats."""
    return [key for keys in stack.stored_keys for stored, key in keys if stored in MATRICES]


def quantise(stack: Stack) -> None:
    """Round a stack's matrices to 8 bits, in place. Errors: UsageError"""
    found = {}
    for key in matrices(stack):
        weight = getattr(stack, key)
        if key not in stack._parameters:
            raise UsageError(
                f"{key} is made by a parametrisation; remove it (remove_parametrizations) and quantise then"
            )
        if weight.dtype != torch.float32:
            raise UsageError(f"8 bits are made of float32, {key} is {weight.dtype}; use layer.float() first")
        found[key] = rounded(weight)
    hold(stack, found)


def hold(stack: Stack, found: Mapping[str, Rounded]) -> None:
    """Put these in the place of a stack's matrices; nothing of it learns any more."""
    for key, one in found.items():
        del stack._parameters[key]
        stack.register_buffer(key + VALUES, one.values)
        stack.register_buffer(key + SCALE, one.scale)
    stack.requires_grad_(False)
    stack.__dict__["quantised"] = True


def dense(stack: Stack, key: str) -> Tensor | None:
    """The matrix that a quantised stack has in the place of one; None if it has none of this name."""
    held: Mapping[str, Tensor] = stack.__dict__.get("_buffers", {})
    values, scale = held.get(key + VALUES), held.get(key + SCALE)
    return None if values is None or scale is None else Rounded(values, scale).dense()


def byte_weights(stack: Stack, layer: int, direction: int) -> ByteWeights:
    """What the products of one layer and direction read, with what engines made of it as long as it stays the same."""
    keys = stack.stored_keys[layer * stack.num_directions + direction]
    held: Mapping[str, Any] = stack._buffers
    stored = {s: held[k + VALUES] if s in MATRICES else getattr(stack, k) for s, k in keys}
    scales = {s: held[k + SCALE] for s, k in keys if s in MATRICES}
    form = tuple([_form(tensor) for tensor in (*stored.values(), *scales.values())])
    kept: Kept = stack.__dict__.setdefault("_kept", Kept())
    was = kept.found.get((layer, direction))
    if was is not None and was[0] == form:
        return was[1]
    made = ByteWeights(stored, scales, stack.heads)
    kept.found[layer, direction] = (form, made)
    return made


def _form(tensor: Tensor) -> tuple[Any, ...]:
    return id(tensor), 0 if tensor.is_inference() else tensor._version, tensor.data_ptr(), tensor.dtype


def run(stack: Stack, x: Tensor | Embedded, start: State | None, lengths: Tensor | None) -> tuple[Tensor, State]:
    """All layers, as `Stack.forward` in evaluation."""
    last: list[State] = []
    for layer in range(stack.num_layers):
        outputs = []
        for direction in range(stack.num_directions):
            row = layer * stack.num_directions + direction
            y, end = unroll_in_bytes(
                stack.evaluated_cell,
                byte_weights(stack, layer, direction),
                x,
                None if start is None else tuple([s[row] for s in start]),
                lengths=lengths,
                reverse=direction == 1,
                engine=stack.engine,
            )
            outputs.append(y)
            last.append(end)
        x = stack.merged(outputs)
    assert isinstance(x, Tensor)
    if len(last) == 1:
        return x, tuple([s.unsqueeze(0) for s in last[0]])
    return x, tuple(torch.stack(rows) for rows in zip(*last, strict=True))


def stream(stack: Stack, layer: int, state: State) -> Stream:
    """One layer of it, a step at a time."""
    return stream_in_bytes(stack.evaluated_cell, byte_weights(stack, layer, 0), state, engine=stack.engine)
