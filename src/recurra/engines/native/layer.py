"""The native layer under autograd: a thin path for eager tensors, the operators for whatever watches.

Both are the same two calls of the core.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from recurra.engines.native import by_equations, calls
from recurra.engines.native.calls import Inputs
from recurra.engines.native.compiled import Compiled
from recurra.engines.native.operators import by_operator, gradients_by_operator
from recurra.engines.watching import are_batched, are_plain, is_transformed
from recurra.errors import ShapeError


def layer(cell: Compiled, inputs: Inputs) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Outputs [B, T, H] and last states, differentiable."""
    if torch.compiler.is_compiling():
        return by_operator(cell.key, inputs)
    tensors = (inputs.x, *_present(inputs.table), *inputs.state, *inputs.weights)
    if is_transformed(tensors):
        by_equations.say_once("torch.func's transforms and forward-mode derivatives")
        return by_equations.run(cell.form, inputs)
    if not are_plain(tensors):
        return by_operator(cell.key, inputs)
    if not (torch.is_grad_enabled() and any(t.requires_grad for t in tensors)):
        y, last, _ = calls.forward(cell, inputs, memory=False)
        return y, tuple(last)
    y, *last = _Layer.apply(  # type: ignore[no-untyped-call]
        cell,
        inputs.reverse,
        inputs.bf16,
        inputs.lengths,
        len(inputs.state),
        inputs.x,
        inputs.table,
        *inputs.state,
        *inputs.weights,
    )
    return y, tuple(last)


def _present(tensor: Tensor | None) -> tuple[Tensor, ...]:
    return () if tensor is None else (tensor,)


class _Layer(torch.autograd.Function):
    """The thin path."""

    @staticmethod
    def forward(
        ctx: Any,
        cell: Compiled,
        reverse: bool,
        bf16: bool,
        lengths: Tensor | None,
        states: int,
        x: Tensor,
        table: Tensor | None,
        *rest: Tensor,
    ) -> tuple[Tensor, ...]:
        inputs = Inputs(x, table, lengths, rest[:states], rest[states:], reverse, bf16)
        y, last, memory = calls.forward(cell, inputs, memory=True)
        ctx.save_for_backward(x, table, lengths, memory, *rest)
        ctx.cell, ctx.states, ctx.reverse, ctx.bf16, ctx.once = cell, states, reverse, bf16, inputs.once
        ctx.were = _forms((x, table, lengths, memory, *rest))
        ctx.set_materialize_grads(False)
        return (y, *last)

    @staticmethod
    def backward(ctx: Any, *incoming: Tensor | None) -> tuple[Tensor | None, ...]:
        saved = ctx.saved_tensors
        x, table, lengths, memory, *rest = saved
        states = ctx.states
        inputs = Inputs(x, table, lengths, tuple(rest[:states]), tuple(rest[states:]), ctx.reverse, ctx.bf16, ctx.once)
        nothing = (None,) * 5
        wanted = ctx.needs_input_grad[5:]
        given = [d for d in incoming if d is not None]
        if torch.is_grad_enabled():  # somebody wants second derivatives
            return (*nothing, *by_equations.gradients(ctx.cell.form, inputs, incoming, wanted))
        if is_transformed([*given, *rest]) or are_batched(given):
            by_equations.say_once("batched gradients")
            return (*nothing, *by_equations.gradients(ctx.cell.form, inputs, incoming, wanted))
        if _forms(saved) != ctx.were:
            raise ShapeError(
                "what a layer computed from has another shape or type now than in the forward pass: something that "
                "autograd does not see (.data, resize_, set_, hooks on saved tensors) changed it before backward()"
            )
        if not are_plain([*given, *(t for t in saved if t is not None)]):
            found = gradients_by_operator(ctx.cell.key, inputs, memory, incoming)
            return (*nothing, *[g if want else None for g, want in zip(found, wanted, strict=True)])
        return (*nothing, *calls.backward(ctx.cell, inputs, memory, incoming[0], incoming[1:], wanted))


def _forms(tensors: tuple[Tensor | None, ...]) -> list[tuple[torch.Size, torch.dtype] | None]:
    return [None if t is None else (t.shape, t.dtype) for t in tensors]
