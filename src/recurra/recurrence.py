"""A cell over time."""

from __future__ import annotations

import torch
from torch import Tensor

from recurra.cells.definition import Cell
from recurra.engines.choose import choose
from recurra.engines.native import forking
from recurra.engines.native.engine import Native
from recurra.engines.request import (
    CellWeights,
    Embedded,
    Request,
    State,
    SteppedStream,
    Stream,
    check_lengths,
    check_tokens,
    has_bias,
)
from recurra.errors import ShapeError


def unroll(
    cell: Cell,
    weights: CellWeights,
    x: Tensor | Embedded,
    state: State | None = None,
    *,
    lengths: Tensor | None = None,
    reverse: bool = False,
    recurrent_mask: Tensor | None = None,
    engine: str = "auto",
) -> tuple[Tensor, State]:
    """Run a cell over a batch of sequences.

    Shapes:  x [B, T, I] or Embedded(tokens [B, T], table [V, I]); state, one tensor [B, H] for each state of the cell,
             zeros if None; lengths int64 [B], each 1 to T; recurrent_mask [B, H], multiplied into every operand of a
             recurrent product  ->  y [B, T, H], zero past each row's length; each row's state after its own last step
    reverse: from the last step of each row to its first; y stays in the order of x
    Errors:  ShapeError for what does not fit; EngineError if the engine asked for cannot do this
    """
    if not torch.compiler.is_compiling() and forking.pending:
        forking.settle()
    bias, hidden = _checked_weights(cell, weights)
    if isinstance(x, Embedded):
        x = x.without_padding()
    batch, time = _check_input(x, weights.weight_ih)
    if state is None:
        zeros = weights.weight_ih.new_zeros(batch, hidden)
        state = (zeros,) * len(cell.states)
    else:
        _check_state(cell, state, (batch, hidden), weights.weight_ih)
    if lengths is not None:
        lengths = _checked_lengths(lengths, batch, time)
    if recurrent_mask is not None and recurrent_mask.shape != (batch, hidden):
        raise ShapeError(f"expected recurrent_mask [B, H] = [{batch}, {hidden}], got {list(recurrent_mask.shape)}")
    request = Request(cell, weights, x, state, lengths, reverse, recurrent_mask, bias)
    return choose(request, engine).run(request)


def stream(cell: Cell, weights: CellWeights, state: State, *, engine: str = "auto") -> Stream:
    """A cell one step at a time, for inference; the weights as they are now.

    Shapes: state, one tensor [B, H] for each state of the cell
    Errors: ShapeError for what does not fit; EngineError if the engine asked for cannot do this
    """
    bias, hidden = _checked_weights(cell, weights)
    batch = state[0].shape[0]
    _check_state(cell, state, (batch, hidden), weights.weight_ih)
    x = weights.weight_ih.new_zeros(batch, 1, weights.weight_ih.shape[1])
    own = {stored: w.detach().clone() for stored, w in weights.present().items()}
    state = tuple(s.detach().clone() for s in state)
    request = Request(cell, CellWeights(**own), x, state, bias=bias)
    chosen = choose(request, engine)
    return chosen.stream(request) if isinstance(chosen, Native) else SteppedStream(chosen, request)


_fitting: dict[object, tuple[bool, int]] = {}
"""Weights that were found to fit, by their shapes and types: whether they have biases, and H."""
MOST_FITTING = 4096


def _checked_weights(cell: Cell, weights: CellWeights) -> tuple[bool, int]:
    """Whether there are biases, and H. Errors: ShapeError"""
    if torch.compiler.is_compiling():
        bias = has_bias(cell, weights.present())
        return bias, _check_weights(cell, weights, bias)
    stored = (weights.weight_ih, weights.weight_hh, weights.weight_ph, weights.bias_ih, weights.bias_hh)
    key = (cell, *(None if w is None else (w.shape, w.dtype, w.device) for w in stored))
    found = _fitting.get(key)
    if found is None:
        bias = has_bias(cell, weights.present())
        found = bias, _check_weights(cell, weights, bias)
        if len(_fitting) < MOST_FITTING:
            _fitting[key] = found
    return found


def _check_weights(cell: Cell, weights: CellWeights, bias: bool) -> int:
    gates = len(cell.layout()["weight_ih"])
    if weights.weight_ih.dim() != 2 or weights.weight_ih.shape[0] % gates:
        raise ShapeError(f"expected weight_ih [{gates}*H, I] for {cell.name}, got {list(weights.weight_ih.shape)}")
    hidden = weights.weight_ih.shape[0] // gates
    expected = cell.shapes(weights.weight_ih.shape[1], hidden, bias=bias)
    present = weights.present()
    if expected.keys() != present.keys():
        raise ShapeError(f"{cell.name} takes the weights {', '.join(expected)}, got {', '.join(present)}")
    for name, shape in expected.items():
        if present[name].shape != shape:
            raise ShapeError(f"expected {name} {list(shape)} for {cell.name}, got {list(present[name].shape)}")
        if present[name].dtype != weights.weight_ih.dtype or present[name].device != weights.weight_ih.device:
            raise ShapeError(
                f"{name} is {present[name].dtype} on {present[name].device}, "
                f"weight_ih {weights.weight_ih.dtype} on {weights.weight_ih.device}"
            )
    return hidden


def _check_input(x: Tensor | Embedded, weight: Tensor) -> tuple[int, int]:
    if isinstance(x, Embedded):
        if not isinstance(x.table, Tensor):
            raise ShapeError(f"expected a table [V, {weight.shape[1]}], got {type(x.table).__name__}: give its weight")
        if x.tokens.dim() != 2 or x.tokens.dtype not in (torch.int64, torch.int32):
            raise ShapeError(f"expected tokens int64 [B, T], got {x.tokens.dtype} {list(x.tokens.shape)}")
        if x.table.dim() != 2 or x.table.shape[1] != weight.shape[1]:
            raise ShapeError(f"expected a table [V, {weight.shape[1]}], got {list(x.table.shape)}")
        vectors, shape = x.table, x.tokens.shape
        if x.tokens.device.type == "cpu" and not torch.compiler.is_compiling():  # compiled, the operator looks
            check_tokens(x.tokens, len(x.table))
    else:
        if x.dim() != 3 or x.shape[2] != weight.shape[1]:
            raise ShapeError(f"expected x [B, T, {weight.shape[1]}], got {list(x.shape)}")
        vectors, shape = x, x.shape
    if vectors.device != weight.device:
        raise ShapeError(f"x is on {vectors.device}, the weights are on {weight.device}")
    if vectors.dtype != weight.dtype and not torch.is_autocast_enabled(weight.device.type):
        raise ShapeError(f"x is {vectors.dtype}, the weights are {weight.dtype}")
    if shape[1] == 0:
        raise ShapeError(f"expected at least one step, got x {list(shape)}")
    return shape[0], shape[1]


def _check_state(cell: Cell, state: State, shape: tuple[int, int], weight: Tensor) -> None:
    if len(state) != len(cell.states):
        raise ShapeError(f"{cell.name} has the states {', '.join(cell.states)}, got {len(state)} tensors")
    for name, tensor in zip(cell.states, state, strict=True):
        if tensor.shape != shape:
            raise ShapeError(f"expected state {name} [B, H] = {list(shape)}, got {list(tensor.shape)}")
        if tensor.device != weight.device:
            raise ShapeError(f"state {name} is on {tensor.device}, the weights are on {weight.device}")
        if tensor.dtype != weight.dtype and not torch.is_autocast_enabled(weight.device.type):
            raise ShapeError(f"state {name} is {tensor.dtype}, the weights are {weight.dtype}")


def _checked_lengths(lengths: object, batch: int, time: int) -> Tensor:
    if not isinstance(lengths, Tensor):
        raise ShapeError(f"expected lengths, a tensor int64 [B] = [{batch}], got a {type(lengths).__name__}")
    if lengths.shape != (batch,) or lengths.is_floating_point() or lengths.dtype == torch.bool:
        raise ShapeError(f"expected lengths int64 [B] = [{batch}], got {lengths.dtype} {list(lengths.shape)}")
    lengths = lengths.detach().to("cpu", torch.int64)
    if not torch.compiler.is_compiling():
        check_lengths(lengths, time)
    return lengths
