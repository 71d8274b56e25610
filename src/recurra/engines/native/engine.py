"""The engine for CPUs: a cell's program, run by the compiled core."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import ParamSpec, TypeVar

import torch
from torch import Tensor

from recurra.cells.definition import numbered
from recurra.engines.native import library
from recurra.engines.native.calls import Inputs
from recurra.engines.native.compiled import compiled, form, refusal
from recurra.engines.native.layer import both, layer
from recurra.engines.native.operators import by_operator
from recurra.engines.request import Embedded, Engine, Request, State, Stream

_Given = ParamSpec("_Given")
_Found = TypeVar("_Found")
RUNS = (torch.float32, torch.float64, torch.bfloat16)


class Native(Engine):
    """Runs any cell's program over time in one call for each layer, both directions at once where it has two.

    float32 and float64 as they are. bfloat16, as the weights' type or by autocast: products of bfloat16 summed in
    float32, with states and everything pointwise in float32.
    """

    name = "native"

    def why_not(self, request: Request) -> str | None:
        compiling = torch.compiler.is_compiling()
        if not compiling and (missing := library.why_missing()) is not None:
            return missing
        if request.device.type != "cpu":
            return f"it runs on CPUs, the weights are on {request.device}"
        if (dtype := request.weights.weight_ih.dtype) not in RUNS:
            return f"it computes in float32, float64 and bfloat16, the weights are {dtype}"
        if torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") != torch.bfloat16:
            return f"under autocast it computes in bfloat16, not in {torch.get_autocast_dtype('cpu')}"
        if request.weights.weight_ih.shape[1] == 0:
            return "it takes inputs of at least one number, these have none"
        masked = request.recurrent_mask is not None
        if compiling:
            found: str | None = _refusal(request.cell.number, request.bias, masked)
            return found
        return refusal(request.cell, request.bias, masked)

    def run(self, request: Request) -> tuple[Tensor, State]:
        inputs, own = _inputs(request), request.weights.weight_ih.dtype
        if torch.is_autocast_enabled("cpu"):
            with torch.autocast("cpu", enabled=False):
                y, last = _layer(request, inputs)
        else:
            y, last = _layer(request, inputs)
        if y.dtype != own:
            y, last = y.to(own), tuple(s.to(own) for s in last)
        return y, last[: len(request.state)]

    def run_both(self, first: Request, second: Request) -> tuple[Tensor, tuple[State, State]]:
        """Both directions as one call, one step of autograd and one tensor, where nobody looks on."""
        if not torch.compiler.is_compiling():
            forward, masked = _inputs(first), first.recurrent_mask is not None
            reverse = _inputs(second, forward)
            own, states = first.weights.weight_ih.dtype, len(first.state)
            with torch.autocast("cpu", enabled=False) if torch.is_autocast_enabled("cpu") else nullcontext():
                found = both(compiled(first.cell, bias=first.bias, mask=masked), forward, reverse)
            if found is not None:
                y, last = found
                if y.dtype != own:
                    y, last = y.to(own), tuple([s.to(own) for s in last])
                middle = len(forward.state)
                return y, (last[:states], last[middle : middle + states])
        return super().run_both(first, second)

    def stream(self, request: Request) -> Stream:
        """The request's cell, weights and states, a step at a time."""
        from recurra.engines.native.stream import NativeStream

        return NativeStream(request)


def _inputs(request: Request, like: Inputs | None = None) -> Inputs:
    """In the types that the core computes in. like: of the other direction, which reads the same"""
    mask = request.recurrent_mask
    weights = (*request.weights.listed(), *request.given)
    state = request.state if mask is None else (*request.state, mask)
    own = weights[0].dtype
    if like is not None:
        x, table = like.x, like.table
    elif isinstance(given := request.x, Embedded):
        x, table = given.tokens, given.table
        if x.dtype != torch.int64:
            x = x.to(torch.int64)
    else:
        x, table = given, None
    autocast = torch.is_autocast_enabled("cpu")
    if own != torch.bfloat16 and not autocast:  # then all is of one type
        return Inputs(x, table, request.lengths, state, weights, request.reverse, False, stacked=request.stacked)
    bf16 = own != torch.float64
    inner = torch.float32 if bf16 else own
    return Inputs(
        x if table is not None else x.to(inner),
        None if table is None else table.to(inner),
        request.lengths,
        tuple(s.to(inner) for s in state),
        tuple(w.to(inner) for w in weights),
        request.reverse,
        bf16,
        stacked=request.stacked,
    )


def _layer(request: Request, inputs: Inputs) -> tuple[Tensor, tuple[Tensor, ...]]:
    masked = request.recurrent_mask is not None
    if torch.compiler.is_compiling():
        return by_operator(_key(request.cell.number, request.bias, masked), inputs)
    return layer(compiled(request.cell, bias=request.bias, mask=masked), inputs)


# What a compiler need not look into: plain values in, plain values out.


def _constant(function: Callable[_Given, _Found]) -> Callable[_Given, _Found]:
    """torch.compiler.assume_constant_result, which imports the whole compiler, a second or two, to set this."""
    function._dynamo_marked_constant = True  # type: ignore[attr-defined]
    return function


@_constant
def _refusal(number: int, bias: bool, masked: bool) -> str | None:
    return library.why_missing() or refusal(numbered(number), bias, masked)


@_constant
def _key(number: int, bias: bool, masked: bool) -> str:
    return form(numbered(number), bias=bias, mask=masked).key
