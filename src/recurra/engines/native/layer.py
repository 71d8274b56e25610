"""The native layer under autograd: a thin path for eager tensors, the operators for whatever watches.

Both are the same two calls of the core, the thin path for both directions at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from recurra.engines.native import by_equations, calls, gradients
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
    if not (torch.is_grad_enabled() and True in [t.requires_grad for t in tensors]):
        y, last, _ = calls.forward(cell, inputs, memory=False)
        return y, tuple(last)
    return applied(cell, (inputs,))


def both(cell: Compiled, first: Inputs, second: Inputs) -> tuple[Tensor, tuple[Tensor, ...]] | None:
    """Outputs of two directions over the same x side by side [B, T, 2H], and last states of the one and the other.

    None where they go on their own: under whatever watches.
    """
    tensors = (first.x, *_present(first.table), *first.state, *first.weights, *second.state, *second.weights)
    if is_transformed(tensors) or not are_plain(tensors):
        return None
    if torch.is_grad_enabled() and True in [t.requires_grad for t in tensors]:
        return applied(cell, (first, second))
    y, last, _ = forward(cell, (first, second), memory=False)
    return y, tuple(last)


def applied(cell: Compiled, directions: tuple[Inputs, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
    """The same with derivatives, where nobody looks on."""
    first = directions[0]
    rest = [tensor for inputs in directions for tensor in (*inputs.state, *inputs.weights)]
    reverse = tuple([inputs.reverse for inputs in directions])
    setting = _Setting(cell, reverse, first.bf16, len(first.state), first.stacked, first.widths)
    found: tuple[Tensor, ...] = _apply(setting, directions, first.lengths, first.x, first.table, *rest)  # type: ignore[no-untyped-call]
    return found[0], found[1:]


def forward(
    cell: Compiled, directions: Sequence[Inputs], *, memory: bool
) -> tuple[Tensor, list[Tensor], list[Tensor | None]]:
    """Outputs side by side, last states and memories of each direction."""
    if len(directions) == 2:
        return calls.forward_both(cell, *directions, memory=memory)
    y, last, kept = calls.forward(cell, directions[0], memory=memory)
    return y, last, [kept]


def _present(tensor: Tensor | None) -> tuple[Tensor, ...]:
    return () if tensor is None else (tensor,)


class _Setting(NamedTuple):
    """What a layer is called with beside tensors. states: how many of them are one direction's states"""

    cell: Compiled
    reverse: tuple[bool, ...]
    bf16: bool
    states: int
    stacked: bool
    widths: tuple[int, ...]


class _Layer(torch.autograd.Function):
    """The thin path, for one direction or two."""

    @staticmethod
    def forward(
        ctx: Any,
        setting: _Setting,
        directions: tuple[Inputs, ...],
        lengths: Tensor | None,
        x: Tensor,
        table: Tensor | None,
        *rest: Tensor,
    ) -> tuple[Tensor, ...]:
        y, last, memories = forward(setting.cell, directions, memory=True)
        saved = (lengths, x, table, *memories, *rest)
        ctx.save_for_backward(*saved)
        ctx.kept = setting, [inputs.once for inputs in directions], _forms(saved)
        ctx.set_materialize_grads(False)
        return (y, *last)

    @staticmethod
    def backward(ctx: Any, *incoming: Tensor | None) -> tuple[Tensor | None, ...]:
        saved, (setting, made, forms) = ctx.saved_tensors, ctx.kept
        count = len(setting.reverse)
        (lengths, x, table), memories, rest = saved[:3], saved[3 : 3 + count], saved[3 + count :]
        given = [d for d in incoming if d is not None]
        slow = torch.is_grad_enabled()  # somebody wants second derivatives
        if not slow and (is_transformed([*given, *rest]) or are_batched(given)):
            by_equations.say_once("batched gradients")
            slow = True
        if not slow and _forms(saved) != forms:
            raise ShapeError(
                "what a layer computed from has another shape or type now than in the forward pass: something that "
                "autograd does not see (.data, resize_, set_, hooks on saved tensors) changed it before backward()"
            )
        plain = slow or are_plain([*given, *[t for t in saved if t is not None]])
        directions, wanted = _directions(setting, lengths, x, table, rest), ctx.needs_input_grad[3:]
        for inputs, once in zip(directions, made, strict=True):
            inputs.once = once
        if count == 1:
            how = (slow, plain)
            return (None, None, None, *_of_one(setting.cell, directions[0], memories[0], incoming, wanted, *how))
        d_y, own, states = incoming[0], len(rest) // count, setting.cell.states
        ends = [incoming[1 + first : 1 + first + states] for first in (0, states)]
        asked = [(*wanted[:2], *wanted[2 + number * own : 2 + (number + 1) * own]) for number in range(count)]
        if plain and not slow:
            found, other = gradients.backward_both(setting.cell, directions, memories, d_y, ends, asked)
        else:
            halves = (None, None) if d_y is None else d_y.chunk(2, 2)
            found, other = [
                _of_one(setting.cell, inputs, memory, (half, *end), want, slow, plain)
                for inputs, memory, half, end, want in zip(directions, memories, halves, ends, asked, strict=True)
            ]
        found[:2] = map(_sum if slow else _summed, found, other[:2])
        return (None, None, None, *found, *other[2:])


_apply = super(torch.autograd.Function, _Layer).apply  # what Function's own does before is for torch.func's transforms


def _of_one(
    cell: Compiled,
    inputs: Inputs,
    memory: Tensor,
    arrived: tuple[Tensor | None, ...],
    asked: Sequence[bool],
    slow: bool,
    plain: bool,
) -> list[Tensor | None]:
    """The gradients of one direction. slow: with derivatives of their own; plain: nobody looks on"""
    if inputs.stacked and (slow or not plain):
        arrived = (arrived[0], *[None if d is None else d.squeeze(0) for d in arrived[1:]])
    if inputs.widths and (slow or not plain):
        count, inputs = len(inputs.widths), replace(inputs.with_states(), stacked=False)
        found = _of_one(cell, inputs, memory, arrived, (*asked[:2], *[False] * count, *asked[2:]), slow, plain)
        return [*found[:2], *found[2 + count :]]
    if slow:
        return by_equations.gradients(cell.form, inputs, arrived, asked)
    if plain:
        return gradients.backward(cell, inputs, memory, arrived[0], arrived[1:], asked)
    found = gradients_by_operator(cell.key, inputs, memory, arrived)
    return [g if want else None for g, want in zip(found, asked, strict=True)]


def _directions(
    setting: _Setting, lengths: Tensor | None, x: Tensor, table: Tensor | None, rest: tuple[Tensor, ...]
) -> list[Inputs]:
    """The inputs of each direction. rest: the states and weights of one after the other"""
    _, reverse, bf16, states, stacked, widths = setting
    if len(reverse) == 1:
        return [Inputs(x, table, lengths, rest[:states], rest[states:], reverse[0], bf16, None, None, stacked, widths)]
    own = len(rest) // 2
    return [
        Inputs(
            x, table, lengths, rest[i : i + states], rest[i + states : i + own], back, bf16, None, None, stacked, widths
        )
        for i, back in zip(range(0, len(rest), own), reverse, strict=True)
    ]


def _summed(one: Tensor | None, other: Tensor | None) -> Tensor | None:
    """The sum of what two directions give back, of which nobody else has hold."""
    return None if one is None or other is None else one.add_(other)


def _sum(one: Tensor | None, other: Tensor | None) -> Tensor | None:
    if one is None or other is None:
        return other if one is None else one
    return one + other


def _forms(tensors: tuple[Tensor | None, ...]) -> list[tuple[torch.Size, torch.dtype] | None]:
    return [None if t is None else (t.shape, t.dtype) for t in tensors]
