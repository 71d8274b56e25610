"""The native layer under autograd: a thin path for eager tensors, and operators that torch.compile and export see.

Both are the same two calls of the core. The operators are opaque: one for forward, one for backward, per layer and
direction. Second derivatives are taken from the reference engine's graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.utils._python_dispatch import _get_current_dispatch_mode

from recurra.engines.native import calls
from recurra.engines.native.calls import Inputs
from recurra.engines.native.compiled import Compiled, by_key
from recurra.engines.reference import Reference
from recurra.engines.request import CellWeights, Embedded, Request, check_lengths, check_tokens

HEADER = 512
"""Bytes of a memory beyond its values and the rows' lengths, at most."""

PADDING = 32
"""Units are padded to a multiple of at most so many."""


def layer(cell: Compiled, inputs: Inputs) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Outputs [B, T, H] and last states, differentiable."""
    tensors = (inputs.x, *_present(inputs.table), *inputs.state, *inputs.weights)
    if not _is_plain(tensors):
        return by_operator(cell.key, inputs)
    if not (torch.is_grad_enabled() and any(t.requires_grad for t in tensors)):
        y, last, _ = calls.forward(cell, inputs, memory=False)
        return y, tuple(last)
    y, *last = _Layer.apply(  # type: ignore[no-untyped-call]
        cell, inputs.reverse, inputs.bf16, inputs.lengths, len(inputs.state), inputs.x, inputs.table, *inputs.state,
        *inputs.weights,
    )  # fmt: skip
    return y, tuple(last)


def by_operator(key: str, inputs: Inputs) -> tuple[Tensor, tuple[Tensor, ...]]:
    """The same through torch.library, for the cell that was compiled under this name."""
    y, *last = torch.ops.recurra.layer(
        key, inputs.x, inputs.table, inputs.lengths, list(inputs.state), list(inputs.weights),
        inputs.reverse, inputs.bf16,
    )[: 1 + len(inputs.state)]  # fmt: skip
    return y, tuple(last)


def _present(tensor: Tensor | None) -> tuple[Tensor, ...]:
    return () if tensor is None else (tensor,)


def _is_plain(tensors: Sequence[Tensor]) -> bool:
    """Whether these are tensors with numbers in them and nobody is looking: no compiler, tracer or transform."""
    if torch.compiler.is_compiling() or _get_current_dispatch_mode() is not None:
        return False
    if torch._C._functorch.peek_interpreter_stack() is not None:
        return False
    for tensor in tensors:
        kind = type(tensor)
        if kind is not Tensor and kind is not Parameter:
            return False
    return True


class _Layer(torch.autograd.Function):
    """The thin path."""

    @staticmethod
    def forward(ctx: Any, cell: Compiled, reverse: bool, bf16: bool, lengths: Tensor | None, states: int,
                x: Tensor, table: Tensor | None, *rest: Tensor) -> tuple[Tensor, ...]:  # fmt: skip
        inputs = Inputs(x, table, lengths, rest[:states], rest[states:], reverse, bf16)
        y, last, memory = calls.forward(cell, inputs, memory=True)
        ctx.save_for_backward(x, table, lengths, memory, *rest)
        ctx.cell, ctx.states, ctx.reverse, ctx.bf16 = cell, states, reverse, bf16
        ctx.set_materialize_grads(False)
        return (y, *last)

    @staticmethod
    def backward(ctx: Any, d_y: Tensor | None, *d_last: Tensor | None) -> tuple[Tensor | None, ...]:
        x, table, lengths, memory, *rest = ctx.saved_tensors
        states = ctx.states
        inputs = Inputs(x, table, lengths, tuple(rest[:states]), tuple(rest[states:]), ctx.reverse, ctx.bf16)
        nothing = (None,) * 5
        wanted = ctx.needs_input_grad[5:]
        if torch.is_grad_enabled():  # somebody wants second derivatives
            return (*nothing, *_through_reference(ctx.cell, inputs, [d_y, *d_last], wanted))
        return (*nothing, *calls.backward(ctx.cell, inputs, memory, d_y, d_last, wanted))


def _through_reference(
    cell: Compiled, inputs: Inputs, incoming: list[Tensor | None], wanted: Sequence[bool]
) -> list[Tensor | None]:
    """Gradients with a graph of their own, computed by the reference engine from the same tensors."""
    # Views: a tensor in two places is two leaves, and no path leads through what one leaf was computed from.
    state = tuple(s.view_as(s) for s in inputs.state)
    weights = tuple(w.view_as(w) for w in inputs.weights)
    vectors = inputs.x if inputs.table is None else inputs.table
    vectors = vectors.view_as(vectors)
    first = (vectors, None) if inputs.table is None else (None, vectors)
    leaves = [*first, *state, *weights]
    mask = state[-1] if cell.masked else None
    request = Request(
        cell.cell,
        CellWeights(**dict(zip(cell.stored, weights, strict=True))),
        vectors if inputs.table is None else Embedded(inputs.x, vectors),
        state if mask is None else state[:-1],
        inputs.lengths,
        inputs.reverse,
        mask,
        cell.bias,
    )
    y, last = Reference().run(request)
    results = [y, *last, *(() if mask is None else (mask,))]
    pairs = [(r, d) for r, d in zip(results, incoming, strict=True) if d is not None and r.requires_grad]
    chosen = [i for i, leaf in enumerate(leaves) if wanted[i] and leaf is not None]
    given: list[Tensor | None] = [None] * len(leaves)
    if pairs:
        found = torch.autograd.grad(
            [r for r, _ in pairs],
            [leaf for i in chosen if (leaf := leaves[i]) is not None],
            [d for _, d in pairs],
            create_graph=True,
            allow_unused=True,
        )
        for i, gradient in zip(chosen, found, strict=True):
            given[i] = gradient
    return given


# what torch's compilers see


def _inputs(
    x: Tensor, table: Tensor | None, lengths: Tensor | None, state: Sequence[Tensor], weights: Sequence[Tensor],
    reverse: bool, bf16: bool,
) -> Inputs:  # fmt: skip
    return Inputs(x, table, lengths, tuple(state), tuple(weights), reverse, bf16)


def _memory_size(cell: Compiled, batch: int, time: int, hidden: int, item: int) -> int:
    """Bytes that are enough for rows of any lengths; of symbolic sizes, too."""
    padded = (hidden + PADDING - 1) // PADDING * PADDING
    values = cell.saved * batch * time + cell.states * batch * (time + 1)
    return HEADER + 8 * batch + values * padded * item


@torch.library.custom_op("recurra::layer", mutates_args=())
def _forward(
    cell: str, x: Tensor, table: Tensor | None, lengths: Tensor | None, state: Sequence[Tensor],
    weights: Sequence[Tensor], reverse: bool, bf16: bool,
) -> list[Tensor]:  # fmt: skip
    """The outputs, the last states, and the memory that `recurra::layer_backward` takes."""
    made = by_key(cell)
    inputs = _inputs(x, table, lengths, state, weights, reverse, bf16)
    batch, time, hidden = inputs.sizes
    if table is not None:  # a compiled caller could not look at the numbers
        check_tokens(x, len(table))
    if lengths is not None:
        check_lengths(lengths, time)
    size = _memory_size(made, batch, time, hidden, weights[0].element_size())
    memory = torch.empty(size, dtype=torch.uint8)
    y, last, _ = calls.forward(made, inputs, memory=memory)
    return [y.contiguous(), *last, memory]


@_forward.register_fake
def _(
    cell: str, x: Tensor, table: Tensor | None, lengths: Tensor | None, state: Sequence[Tensor],
    weights: Sequence[Tensor], reverse: bool, bf16: bool,
) -> list[Tensor]:  # fmt: skip
    made, like = by_key(cell), weights[0]
    (batch, time), hidden = x.shape[:2], state[0].shape[1]
    size = _memory_size(made, batch, time, hidden, like.element_size())
    last = [like.new_empty(batch, hidden) for _ in state]
    return [like.new_empty(batch, time, hidden), *last, torch.empty(size, dtype=torch.uint8)]


@torch.library.custom_op("recurra::layer_backward", mutates_args=())
def _backward(
    cell: str, x: Tensor, table: Tensor | None, lengths: Tensor | None, state: Sequence[Tensor],
    weights: Sequence[Tensor], reverse: bool, bf16: bool, memory: Tensor, d_y: Tensor, d_last: Sequence[Tensor],
) -> list[Tensor]:  # fmt: skip
    """Gradients of the table, or of x where there is none, of the states and of the weights."""
    inputs = _inputs(x, table, lengths, state, weights, reverse, bf16)
    everything = (True,) * (2 + len(state) + len(weights))
    found = calls.backward(by_key(cell), inputs, memory, d_y, d_last, everything)
    # an operator's results may not share memory, as parts of one tensor do
    return [gradient.clone() if gradient._is_view() else gradient for gradient in found if gradient is not None]


@_backward.register_fake
def _(
    cell: str, x: Tensor, table: Tensor | None, lengths: Tensor | None, state: Sequence[Tensor],
    weights: Sequence[Tensor], reverse: bool, bf16: bool, memory: Tensor, d_y: Tensor, d_last: Sequence[Tensor],
) -> list[Tensor]:  # fmt: skip
    like = weights[0]
    first = like.new_empty(x.shape) if table is None else like.new_empty(table.shape)
    return [first, *(like.new_empty(s.shape) for s in state), *(like.new_empty(w.shape) for w in weights)]


def _keep(ctx: Any, inputs: tuple[Any, ...], output: list[Tensor]) -> None:
    cell, x, table, lengths, state, weights, reverse, bf16 = inputs
    ctx.save_for_backward(x, table, lengths, output[-1], *state, *weights)
    ctx.cell, ctx.states, ctx.reverse, ctx.bf16 = cell, len(state), reverse, bf16
    ctx.mark_non_differentiable(output[-1])


def _gradients(ctx: Any, incoming: list[Tensor | None]) -> tuple[Any, ...]:
    x, table, lengths, memory, *rest = ctx.saved_tensors
    states = ctx.states
    state, weights = rest[:states], rest[states:]
    made = by_key(ctx.cell)
    if torch.is_grad_enabled():
        inputs = _inputs(x, table, lengths, state, weights, ctx.reverse, ctx.bf16)
        wanted = [x.is_floating_point() and x.requires_grad, table is not None and table.requires_grad]
        wanted += [t.requires_grad for t in rest]
        d_x, d_table, *others = _through_reference(made, inputs, incoming[:-1], wanted)
        d_state, d_weights = others[:states], others[states:]
    else:
        (batch, time), hidden = x.shape[:2], state[0].shape[1]
        d_y = incoming[0] if incoming[0] is not None else weights[0].new_zeros(batch, time, hidden)
        d_last = [d if d is not None else torch.zeros_like(s) for d, s in zip(incoming[1:-1], state, strict=True)]
        first, *others = torch.ops.recurra.layer_backward(
            ctx.cell, x, table, lengths, state, weights, ctx.reverse, ctx.bf16, memory, d_y, d_last
        )
        d_x, d_table = (first, None) if table is None else (None, first)
        d_state, d_weights = others[:states], others[states:]
    return None, d_x, d_table, None, list(d_state), list(d_weights), None, None


_forward.register_autograd(_gradients, setup_context=_keep)
