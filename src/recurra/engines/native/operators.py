"""The native layer as torch's compilers, tracers and exporters see it: `recurra::layer` and `recurra::layer_backward`.

Both are opaque, per layer and direction; `registered.py` has their signatures. Numbers may be others than those that
a graph was made with, so the operators check all that they are given. Where there is no compiled core they run the
equations: a graph that was made on one machine runs on any.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from recurra.engines.checks import check_request
from recurra.engines.native import by_equations, calls, gradients, library, registered
from recurra.engines.native.calls import Inputs
from recurra.engines.native.compiled import Form, by_key, in_core, refusal
from recurra.engines.watching import are_batched, is_transformed

__all__ = ["registered"]

HEADER = 512
"""Bytes of a memory beyond its values and the rows' lengths, at most."""

PADDING = 32
"""Units are padded to a multiple of this at most."""


def by_operator(key: str, inputs: Inputs) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Outputs and last states, through the operator, of the form that has this name."""
    y, *last = torch.ops.recurra.layer(
        key,
        inputs.x,
        inputs.table,
        inputs.lengths,
        list(inputs.state),
        list(inputs.weights),
        inputs.reverse,
        inputs.bf16,
    )[: 1 + len(inputs.state)]
    return y, tuple(last)


def gradients_by_operator(
    key: str, inputs: Inputs, memory: Tensor, incoming: Sequence[Tensor | None]
) -> list[Tensor | None]:
    """Gradients of x, the table, the states and the weights, through the operator."""
    (batch, time), width = inputs.x.shape[:2], inputs.state[0].shape[1]
    d_y, *d_last = incoming
    first, *others = torch.ops.recurra.layer_backward(
        key,
        inputs.x,
        inputs.table,
        inputs.lengths,
        list(inputs.state),
        list(inputs.weights),
        inputs.reverse,
        inputs.bf16,
        memory,
        inputs.weights[0].new_zeros(batch, time, width) if d_y is None else d_y,
        [torch.zeros_like(s) if d is None else d for d, s in zip(d_last, inputs.state, strict=True)],
    )
    return [*((first, None) if inputs.table is None else (None, first)), *others]


def _memory_size(form: Form, batch: int, time: int, hidden: int, item: int) -> int:
    """Bytes that are enough for rows of any lengths; of symbolic sizes, too."""
    padded = (hidden + PADDING - 1) // PADDING * PADDING
    values = form.saved * batch * time + form.states * batch * (time + 1)
    return HEADER + 8 * batch + (values * padded + form.saved_rows * batch * time) * item


def _inputs(
    x: Tensor,
    table: Tensor | None,
    lengths: Tensor | None,
    state: Sequence[Tensor],
    weights: Sequence[Tensor],
    reverse: bool,
    bf16: bool,
) -> Inputs:
    return Inputs(x, table, lengths, tuple(state), tuple(weights), reverse, bf16)


def _runs(form: Form) -> bool:
    """Whether there is a core here that takes it."""
    return library.why_missing() is None and refusal(form.cell, form.bias, form.masked) is None


def _checked(cell: str, *given: Any) -> tuple[Form, Inputs]:
    form, inputs = by_key(cell), _inputs(*given)
    check_request(by_equations.request_of(form, inputs))
    return form, inputs


def _kept(inputs: Inputs) -> Tensor:
    """Tokens and lengths as they are now, int64 in one row: what they become later is not seen."""
    tokens = inputs.x if inputs.table is not None else inputs.x.new_empty(0, dtype=torch.int64)
    lengths = inputs.x.new_empty(0, dtype=torch.int64) if inputs.lengths is None else inputs.lengths
    return torch.cat([tokens.flatten(), lengths])


def forward(cell: str, *given: Any) -> list[Tensor]:
    """The outputs, the last states, the memory that `layer_backward` takes, and tokens and lengths in one row."""
    form, inputs = _checked(cell, *given)
    batch, time, _ = inputs.sizes
    like = inputs.weights[0]
    size = _memory_size(form, batch, time, form.units(inputs.weights), like.element_size())
    memory = like.new_empty(size, dtype=torch.uint8)
    if _runs(form):
        y, last, _ = calls.forward(in_core(form), inputs, memory=memory)
    else:
        y, last = by_equations.run(form, inputs)  # type: ignore[assignment]
    return [y.contiguous(), *last, memory, _kept(inputs)]


def forward_fake(
    cell: str,
    x: Tensor,
    table: Tensor | None,
    lengths: Tensor | None,
    state: Sequence[Tensor],
    weights: Sequence[Tensor],
    reverse: bool,
    bf16: bool,
) -> list[Tensor]:
    form, like = by_key(cell), weights[0]
    batch, time = x.shape[:2]
    size = _memory_size(form, batch, time, form.units(weights), like.element_size())
    kept = (0 if table is None else batch * time) + (0 if lengths is None else batch)
    return [
        like.new_empty(batch, time, state[0].shape[1]),
        *(like.new_empty(s.shape) for s in state),
        like.new_empty(size, dtype=torch.uint8),
        like.new_empty(kept, dtype=torch.int64),
    ]


def backward(cell: str, *given: Any) -> list[Tensor]:
    """Gradients of the table, or of x if there is no table, of the states and of the weights."""
    *given_forward, memory, d_y, d_last = given
    form, inputs = _checked(cell, *given_forward)
    wanted = (inputs.table is None, inputs.table is not None, *[True] * (len(inputs.state) + len(inputs.weights)))
    if _runs(form):
        found = gradients.backward(in_core(form), inputs, memory, d_y, d_last, wanted)
    else:
        found = by_equations.gradients(form, inputs, [d_y, *d_last], wanted)
    leaves = [inputs.x if inputs.table is None else inputs.table, *inputs.state, *inputs.weights]
    given_back = [g for g, want in zip(found, wanted, strict=True) if want]
    # an operator's results may not share memory, as parts of one tensor do
    return [
        torch.zeros_like(leaf, memory_format=torch.contiguous_format) if g is None
        else g.clone(memory_format=torch.contiguous_format) if g._is_view() or not g.is_contiguous()
        else g
        for g, leaf in zip(given_back, leaves, strict=True)
    ]  # fmt: skip


def backward_fake(
    cell: str,
    x: Tensor,
    table: Tensor | None,
    lengths: Tensor | None,
    state: Sequence[Tensor],
    weights: Sequence[Tensor],
    reverse: bool,
    bf16: bool,
    memory: Tensor,
    d_y: Tensor,
    d_last: Sequence[Tensor],
) -> list[Tensor]:
    like = weights[0]
    first = like.new_empty(x.shape) if table is None else like.new_empty(table.shape)
    return [first, *(like.new_empty(s.shape) for s in state), *(like.new_empty(w.shape) for w in weights)]


# derivatives


class _Operator(torch.autograd.Function):
    """The operator with its derivative."""

    @staticmethod
    def forward(
        ctx: Any,
        cell: str,
        reverse: bool,
        bf16: bool,
        lengths: Tensor | None,
        states: int,
        x: Tensor,
        table: Tensor | None,
        *rest: Tensor,
    ) -> tuple[Tensor, ...]:
        state, weights = list(rest[:states]), list(rest[states:])
        with torch._C._AutoDispatchBelowAutograd():
            found = torch.ops.recurra.layer(cell, x, table, lengths, state, weights, reverse, bf16)
        memory, kept = found[-2:]
        ctx.save_for_backward(x if table is None else None, table, memory, kept, *rest)
        ctx.cell, ctx.states, ctx.reverse, ctx.bf16 = cell, states, reverse, bf16
        ctx.shape, ctx.ragged = x.shape[:2], lengths is not None
        ctx.mark_non_differentiable(memory, kept)
        ctx.set_materialize_grads(False)
        return tuple(found)

    @staticmethod
    def backward(ctx: Any, *incoming: Tensor | None) -> tuple[Tensor | None, ...]:
        x, table, memory, kept, *rest = ctx.saved_tensors
        batch, time = ctx.shape
        if x is None:
            x = kept[: batch * time].view(batch, time)
        lengths = kept[kept.shape[0] - batch :] if ctx.ragged else None
        inputs = _inputs(x, table, lengths, rest[: ctx.states], rest[ctx.states :], ctx.reverse, ctx.bf16)
        wanted = ctx.needs_input_grad[5:]
        known = incoming[: 1 + ctx.states]
        given = [d for d in known if d is not None]
        if torch.is_grad_enabled() or is_transformed([*given, *rest]) or are_batched(given):
            found = by_equations.gradients(by_key(ctx.cell), inputs, known, wanted)
        else:
            found = gradients_by_operator(ctx.cell, inputs, memory, known)
        return (*[None] * 5, *[g if want else None for g, want in zip(found, wanted, strict=True)])


def differentiable(
    cell: str,
    x: Tensor,
    table: Tensor | None,
    lengths: Tensor | None,
    state: Sequence[Tensor],
    weights: Sequence[Tensor],
    reverse: bool,
    bf16: bool,
) -> list[Tensor]:
    tensors = [*([x] if table is None else [table]), *state, *weights]
    if is_transformed(tensors):
        return _by_equations(cell, x, table, lengths, state, weights, reverse, bf16)
    if torch.is_grad_enabled() and any(t.requires_grad for t in tensors):
        found = _Operator.apply(cell, reverse, bf16, lengths, len(state), x, table, *state, *weights)  # type: ignore[no-untyped-call]
        return list(found)
    with torch._C._AutoDispatchBelowAutograd():
        found = torch.ops.recurra.layer(cell, x, table, lengths, state, weights, reverse, bf16)
    return list(found)


def _by_equations(cell: str, *given: Any) -> list[Tensor]:
    """The same results, out of torch's own operations."""
    form, inputs = by_key(cell), _inputs(*given)
    y, last = by_equations.run(form, inputs)
    return [y, *last, y.new_empty(0, dtype=torch.uint8), y.new_empty(0, dtype=torch.int64)]


# vmap


def _batched(run: Callable[..., list[Tensor]]) -> Callable[..., tuple[list[Tensor], list[int]]]:
    """A rule for torch.vmap: one call for each of the batch, the results stacked."""

    def rule(info: Any, dims: tuple[Any, ...], *given: Any) -> tuple[list[Tensor], list[int]]:
        calls_ = [run(*_picked(given, dims, i)) for i in range(info.batch_size)]
        stacked = [torch.stack(results) for results in zip(*calls_, strict=True)]
        return stacked, [0] * len(stacked)

    return rule


def _picked(given: Iterable[Any], dims: Iterable[Any], i: int) -> list[Any]:
    def one(value: Any, dim: Any) -> Any:
        if isinstance(value, list | tuple):
            return [one(v, d) for v, d in zip(value, dim if dim is not None else [None] * len(value), strict=True)]
        return value if dim is None else value.select(dim, i)

    return [one(value, dim) for value, dim in zip(given, dims, strict=True)]


forward_batched = _batched(torch.ops.recurra.layer)
backward_batched = _batched(torch.ops.recurra.layer_backward)
