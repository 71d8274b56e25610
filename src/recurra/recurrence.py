"""A cell over time."""

from __future__ import annotations

import torch
from torch import Tensor

from recurra.cells.definition import Cell
from recurra.engines.checks import (
    Fit,
    check_given,
    check_input,
    check_mask,
    check_state,
    check_weights,
    checked_lengths,
)
from recurra.engines.choose import choose, takes_native
from recurra.engines.native import forking, from_zeros
from recurra.engines.native import quantised as in_bytes
from recurra.engines.native.stream import NativeStream
from recurra.engines.quantised import ByteWeights
from recurra.engines.request import CellWeights, Embedded, Request, State, Stream
from recurra.engines.watching import are_plain, is_recorded, is_transformed


def unroll(
    cell: Cell,
    weights: CellWeights,
    x: Tensor | Embedded,
    state: State | None = None,
    *,
    lengths: Tensor | None = None,
    reverse: bool = False,
    recurrent_mask: Tensor | None = None,
    given: tuple[Tensor, ...] = (),
    stacked: bool = False,
    engine: str = "auto",
) -> tuple[Tensor, State]:
    """Run a cell over a batch of sequences.

    Shapes:  x [B, T, I] or Embedded(tokens [B, T], table [V, I]); state, one tensor [B, H] for each state of the cell,
             [B, N] for one that is a projection, zeros if None; lengths int64 [B], each 1 to T; recurrent_mask [B, H],
             [B, N] where a projection is mapped, multiplied into every operand of a recurrent product; given, what the
             cell's steps take beside input and states (`Cell.given`), each [B, T, H]
             ->  y [B, T, H] or [B, T, N], zero past each row's length; each row's state after its own last step
    reverse: from the last step of each row to its first; y stays in the order of x
    stacked: the last states as a stack of one layer gives them, each [1, B, H]
    Errors:  ShapeError for what does not fit; EngineError if the engine asked for cannot do this
    """
    if forking.pending and not torch.compiler.is_compiling():
        forking.settle()
    fit = check_weights(cell, weights)
    x, rows, lengths = _checked(x, lengths, weights.weight_ih)
    if state is None and recurrent_mask is None and not given and not fit.given and takes_native(engine):
        short = from_zeros.unrolled(
            cell, (weights,), x, lengths, bias=fit.bias, widths=fit.widths, reverse=(reverse,), stacked=stacked
        )
        if short is not None:
            return short
    request = _request(cell, weights, fit, x, rows, state, lengths, reverse, recurrent_mask, given)
    request.stacked = stacked
    y, last = choose(request, engine).run(request)
    if stacked and last[0].dim() == 2:
        last = tuple([s.unsqueeze(0) for s in last])
    return y, last


def unroll_both(
    cell: Cell,
    weights: tuple[CellWeights, CellWeights],
    x: Tensor | Embedded,
    states: tuple[State | None, State | None] = (None, None),
    *,
    lengths: Tensor | None = None,
    recurrent_masks: tuple[Tensor | None, Tensor | None] = (None, None),
    given: tuple[tuple[Tensor, ...], tuple[Tensor, ...]] = ((), ()),
    engine: str = "auto",
) -> tuple[Tensor, tuple[State, State]]:
    """As `unroll` forward with the first of each, and in reverse with the second: less than two calls.

    Shapes:  -> y [B, T, 2H], the forward outputs of each step and then the others; both directions' last states
    """
    if forking.pending and not torch.compiler.is_compiling():
        forking.settle()
    (own, mask), (other, other_mask) = zip(weights, recurrent_masks, strict=True)
    fit, like = check_weights(cell, own), own.weight_ih
    forms = [(w.dtype, w.device, w.shape) for w in (like, other.weight_ih)]
    if check_weights(cell, other) != fit or forms[0] != forms[1] or (mask is None) != (other_mask is None):
        # then an engine that takes the one may not take the other
        y, last = unroll(cell, own, x, states[0], lengths=lengths, recurrent_mask=mask, given=given[0], engine=engine)
        back, ends = unroll(
            cell,
            other,
            x,
            states[1],
            lengths=lengths,
            reverse=True,
            recurrent_mask=other_mask,
            given=given[1],
            engine=engine,
        )
        return torch.cat([y, back], -1), (last, ends)
    x, rows, lengths = _checked(x, lengths, like)
    plain = mask is None and states[0] is None and states[1] is None and not (given[0] or given[1] or fit.given)
    if plain and takes_native(engine):
        short = from_zeros.unrolled(cell, weights, x, lengths, bias=fit.bias, widths=fit.widths, reverse=(False, True))
        if short is not None:
            y, last = short
            return y, (last[: len(fit.widths)], last[len(fit.widths) :])
    first = _request(cell, own, fit, x, rows, states[0], lengths, False, mask, given[0])
    second = _request(cell, other, fit, x, rows, states[1], lengths, True, other_mask, given[1])
    return choose(first, engine).run_both(first, second)


def _checked(
    x: Tensor | Embedded, lengths: Tensor | None, like: Tensor
) -> tuple[Tensor | Embedded, tuple[int, int], Tensor | None]:
    """The input and the lengths as engines take them, with B and T between them."""
    if isinstance(x, Embedded):
        x = x.without_padding()
    batch, time = check_input(x, like)
    if isinstance(x, Embedded) and torch.is_grad_enabled() and not is_recorded():
        x = Embedded(x.tokens.clone(), x.table)  # numpy may hold the same memory and write to it before backward
    return x, (batch, time), None if lengths is None else checked_lengths(lengths, batch, time, like)


def _request(
    cell: Cell,
    weights: CellWeights,
    fit: Fit,
    x: Tensor | Embedded,
    rows: tuple[int, int],
    state: State | None,
    lengths: Tensor | None,
    reverse: bool,
    recurrent_mask: Tensor | None,
    given: tuple[Tensor, ...],
) -> Request:
    batch = rows[0]
    if state is None:
        first, like = fit.widths[0], weights.weight_ih
        zeros = like.new_zeros(batch, first)
        state = tuple([zeros if width == first else like.new_zeros(batch, width) for width in fit.widths])
    else:
        check_state(cell, state, batch, fit.widths, weights.weight_ih)
    if recurrent_mask is not None:
        check_mask(recurrent_mask, (batch, fit.mapped), weights.weight_ih)
    if given or fit.given:
        check_given(cell, given, rows, fit.given, weights.weight_ih)
    return Request(cell, weights, x, state, lengths, reverse, recurrent_mask, fit.bias, given)


def stream(cell: Cell, weights: CellWeights, state: State, *, engine: str = "auto") -> Stream:
    """A cell one step at a time, for inference; the weights as they are now.

    Shapes: state, one tensor [B, H] for each state of the cell
    Errors: ShapeError for what does not fit; EngineError if the engine asked for cannot do this
    """
    fit = check_weights(cell, weights)
    batch = state[0].shape[0]
    check_state(cell, state, batch, fit.widths, weights.weight_ih)
    x = weights.weight_ih.new_zeros(batch, 1, weights.weight_ih.shape[1])
    own = {stored: w.detach().clone() for stored, w in weights.present().items()}
    state = tuple(s.detach().clone() for s in state)
    request = Request(cell, weights.replaced(**own), x, state, bias=fit.bias)
    return choose(request, engine).stream(request)


def unroll_in_bytes(
    cell: Cell,
    weights: ByteWeights,
    x: Tensor | Embedded,
    state: State | None = None,
    *,
    lengths: Tensor | None = None,
    reverse: bool = False,
    engine: str = "auto",
) -> tuple[Tensor, State]:
    """As `unroll`, with matrices in 8 bits: their products too, in the native engine.

    Each vector that is mapped, x_t and states, is rounded at its step to whole numbers from -127 to 127 times its
    largest size / 127; sums are exact, what follows is float32's. Where the native engine cannot, another is asked for,
    gradients are wanted or somebody looks on, the weights that these stand for run in the types that they have.
    Shapes, errors: as `unroll`
    """
    tensors = (*((x.tokens, x.table) if isinstance(x, Embedded) else (x,)), *(state or ()), *weights.vectors)
    if engine not in ("auto", "native") or not _are_numbers(tensors) or _why_not_bytes(cell, weights):
        return unroll(cell, weights.dense(), x, state, lengths=lengths, reverse=reverse, engine=engine)
    if forking.pending:
        forking.settle()
    fit, like = check_weights(cell, weights.shadow), weights.shadow.weight_ih
    x, rows, lengths = _checked(x, lengths, like)
    request = _request(cell, weights.shadow, fit, x, rows, state, lengths, reverse, None, ())
    return in_bytes.run(request, weights)


def _are_numbers(tensors: tuple[Tensor, ...]) -> bool:
    """Whether only numbers are wanted of these, no gradients, and nobody looks on."""
    wanted = torch.is_grad_enabled() and any(t.requires_grad for t in tensors)
    return not wanted and are_plain(tensors) and not is_transformed(tensors)


def _why_not_bytes(cell: Cell, weights: ByteWeights) -> str | None:
    return in_bytes.why_not(cell, weights, check_weights(cell, weights.shadow).bias)


def stream_in_bytes(cell: Cell, weights: ByteWeights, state: State, *, engine: str = "auto") -> Stream:
    """As `stream`, with matrices in 8 bits; see `unroll_in_bytes`."""
    if engine not in ("auto", "native") or _why_not_bytes(cell, weights):
        return stream(cell, weights.dense(), state, engine=engine)
    fit, batch = check_weights(cell, weights.shadow), state[0].shape[0]
    check_state(cell, state, batch, fit.widths, weights.shadow.weight_ih)
    own = {name: w.detach().clone() for name, w in weights.stored.items()}
    kept = ByteWeights(own, {name: s.detach().clone() for name, s in weights.scales.items()}, weights.heads)
    kept.packed.update(weights.packed)
    x = kept.shadow.weight_ih.new_zeros(batch, 1, kept.shadow.weight_ih.shape[1])
    request = Request(cell, kept.shadow, x, tuple(s.detach().clone() for s in state), bias=fit.bias)
    return NativeStream(request, kept)
