"""What must match before an engine runs: shapes, types, devices and layouts. Every refusal is a ShapeError."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from recurra.cells.definition import Cell
from recurra.engines.request import CellWeights, Embedded, Request, State, check_lengths, check_tokens, has_bias
from recurra.engines.watching import has_numbers, is_recorded
from recurra.errors import ShapeError, UsageError


class Fit(NamedTuple):
    """What weights that match a cell say about its layer.

    bias: whether they have biases; widths: of each state; mapped: of what a recurrent product maps, of low rank the
    first of the two; given: of what each step is given
    """

    bias: bool
    widths: tuple[int, ...]
    mapped: int
    given: tuple[int, ...]


_fitting: dict[object, Fit] = {}
"""Weights that were found to match, by their shapes and types."""
MOST_FITTING = 4096

WHOLE = (
    torch.int64,
    torch.int32,
    torch.int16,
    torch.int8,
    torch.uint8,
    torch.uint16,
    torch.uint32,
    torch.uint64,
)
"""Types of lengths."""

CAST = (torch.float32, torch.bfloat16, torch.float16)
"""Types that autocast converts to one."""


def check_request(request: Request) -> None:
    """All of it, for a request that did not come through `unroll`. Errors: ShapeError"""
    weight = request.weights.weight_ih
    fit = check_weights(request.cell, request.weights)
    batch, time = check_input(request.x, weight)
    check_state(request.cell, request.state, batch, fit.widths, weight)
    if request.lengths is not None:
        checked_lengths(request.lengths, batch, time, weight)
        check_lengths(request.lengths, time)  # below every mode that looks on
    if request.recurrent_mask is not None:
        check_mask(request.recurrent_mask, (batch, fit.mapped), weight)
    check_given(request.cell, request.given, (batch, time), fit.given, weight)


def check_weights(cell: Cell, weights: CellWeights) -> Fit:
    """What they say about the layer. Errors: ShapeError"""
    if is_recorded():
        return _check_weights(cell, weights, has_bias(cell, weights.present()))
    key = (
        cell,
        weights.heads,
        *[None if w is None else (w.shape, w.dtype, w.device, w.layout) for w in weights.every()],
    )
    found = _fitting.get(key)
    if found is None:
        found = _check_weights(cell, weights, has_bias(cell, weights.present()))
        if len(_fitting) < MOST_FITTING:
            _fitting[key] = found
    return found


def _check_weights(cell: Cell, weights: CellWeights, bias: bool) -> Fit:
    gates = len(cell.layout()["weight_ih"])
    own = weights.weight_ih
    check_dense("weight_ih", own)
    if own.dim() != 2 or own.shape[0] % gates or own.shape[0] == 0:
        raise ShapeError(f"expected weight_ih [{gates}*H, I] for {cell.name}, got {list(own.shape)}")
    if not own.dtype.is_floating_point:
        raise ShapeError(f"a layer computes with floating-point numbers, its weights are {own.dtype}")
    hidden = own.shape[0] // gates
    if cell.projected and isinstance(weights.weight_hr, Tensor):
        maps, given = len(cell.layout()["weight_hr"]), list(weights.weight_hr.shape)
        if len(given) != 2 or given[0] % maps or not 0 < given[0] // maps <= hidden:
            first = "N" if maps == 1 else f"{maps}*N"
            raise ShapeError(
                f"expected weight_hr [{first}, {hidden}], N from 1 to {hidden}, for {cell.name}, got {given}"
            )
    narrow = weights.proj_size(cell)
    expected = cell.shapes(own.shape[1], hidden, bias=bias, proj_size=narrow)
    if weights.heads != 1:
        check_heads(weights.heads, hidden, cell)
        rows, columns = expected["weight_hh"]
        expected["weight_hh"] = (rows, columns // weights.heads)
    present = weights.present()
    if expected.keys() != present.keys():
        raise ShapeError(f"{cell.name} takes the weights {', '.join(expected)}, got {', '.join(present)}")
    for name, shape in expected.items():
        tensor = present[name]
        check_dense(name, tensor)
        if tensor.shape != shape:
            raise ShapeError(f"expected {name} {list(shape)} for {cell.name}, got {list(tensor.shape)}")
        if tensor.dtype != own.dtype or tensor.device != own.device:
            raise ShapeError(f"{name} is {tensor.dtype} on {tensor.device}, weight_ih {own.dtype} on {own.device}")
    program = cell.program(bias=bias)
    mapped = {program.nodes[program.nodes[i].args[0]].width for i in program.dropped}
    sizes = program.sizes(own.shape[1], hidden, narrow)
    masks = tuple(sizes[n.width] for n in program.nodes if n.op == "given")
    return Fit(bias, cell.widths(hidden, narrow), sizes[mapped.pop()] if mapped else hidden, masks)


def check_heads(heads: object, hidden_size: int, cell: Cell) -> int:
    """The same number. Errors: UsageError for what does not divide the units, or divides nothing"""
    if not isinstance(heads, int) or isinstance(heads, bool) or heads < 1 or hidden_size % heads:
        raise UsageError(f"heads must be a whole number that divides hidden_size = {hidden_size}, got {heads!r}")
    if heads > 1 and "weight_hh" not in cell.layout():
        raise UsageError(f"heads={heads} divide what a recurrent product maps; {cell.name} has no such product")
    if heads > 1 and "weight_hr" in cell.layout():
        raise UsageError(f"heads={heads}: {cell.name} maps a projection, which belongs to no head")
    return heads


def check_input(x: Tensor | Embedded, weight: Tensor) -> tuple[int, int]:
    """B and T. Errors: ShapeError"""
    if isinstance(x, Embedded):
        check_dense("tokens", x.tokens)
        if not isinstance(x.table, Tensor):
            raise ShapeError(f"expected a table [V, {weight.shape[1]}], got {type(x.table).__name__}: give its weight")
        check_dense("the table", x.table)
        if x.tokens.dim() != 2 or x.tokens.dtype not in (torch.int64, torch.int32):
            raise ShapeError(f"expected tokens int64 [B, T], got {x.tokens.dtype} {list(x.tokens.shape)}")
        if x.table.dim() != 2 or x.table.shape[1] != weight.shape[1]:
            raise ShapeError(f"expected a table [V, {weight.shape[1]}], got {list(x.table.shape)}")
        if x.tokens.device != x.table.device:
            raise ShapeError(f"tokens are on {x.tokens.device}, their table is on {x.table.device}")
        vectors, shape = x.table, x.tokens.shape
        if x.tokens.device.type == "cpu" and has_numbers(x.tokens):  # recorded, the operator looks
            check_tokens(x.tokens, len(x.table))
    else:
        check_dense("x", x)
        if x.dim() != 3 or x.shape[2] != weight.shape[1]:
            raise ShapeError(f"expected x [B, T, {weight.shape[1]}], got {list(x.shape)}")
        vectors, shape = x, x.shape
    if vectors.device != weight.device:
        raise ShapeError(f"x is on {vectors.device}, the weights are on {weight.device}")
    _check_type("x", vectors, weight)
    if shape[1] == 0:
        raise ShapeError(f"expected at least one step, got x {list(shape)}")
    return shape[0], shape[1]


def check_state(cell: Cell, state: State, batch: int, widths: tuple[int, ...], weight: Tensor) -> None:
    """Errors: ShapeError"""
    if len(state) != len(cell.states):
        raise ShapeError(f"{cell.name} has the states {', '.join(cell.states)}, got {len(state)} tensors")
    for name, tensor, width in zip(cell.states, state, widths, strict=True):
        _check_rows(f"state {name}", tensor, (batch, width), weight)


def check_mask(mask: Tensor, shape: tuple[int, int], weight: Tensor) -> None:
    """Errors: ShapeError"""
    _check_rows("recurrent_mask", mask, shape, weight)


def check_given(
    cell: Cell, given: tuple[Tensor, ...], rows: tuple[int, int], widths: tuple[int, ...], weight: Tensor
) -> None:
    """Errors: ShapeError"""
    if len(given) != len(widths):
        raise ShapeError(f"a step of {cell.name} is given {len(widths)} masks {list(cell.given)}, got {len(given)}")
    for name, tensor, width in zip(cell.given, given, widths, strict=True):
        _check_rows(name, tensor, (*rows, width), weight, "[B, T, H]")


def _check_rows(what: str, tensor: Tensor, shape: tuple[int, ...], weight: Tensor, axes: str = "[B, H]") -> None:
    check_dense(what, tensor)
    if tensor.shape != shape:
        raise ShapeError(f"expected {what} {axes} = {list(shape)}, got {list(tensor.shape)}")
    if tensor.device != weight.device:
        raise ShapeError(f"{what} is on {tensor.device}, the weights are on {weight.device}")
    _check_type(what, tensor, weight)


def check_dense(what: str, tensor: object) -> None:
    """Errors: ShapeError for anything but a dense tensor"""
    if not isinstance(tensor, Tensor):
        raise ShapeError(f"expected {what}, a tensor, got a {type(tensor).__name__}")
    if tensor.is_nested:
        raise ShapeError(f"{what} is a nested tensor; pad it (torch.nested.to_padded_tensor) and give lengths")
    if tensor.layout is not torch.strided:
        raise ShapeError(f"{what} is {tensor.layout}, a layer takes dense tensors; call .to_dense() on it first")


def _check_type(what: str, tensor: Tensor, weight: Tensor) -> None:
    if tensor.dtype == weight.dtype:
        return
    if tensor.dtype in CAST and weight.dtype in CAST and torch.is_autocast_enabled(weight.device.type):
        return
    raise ShapeError(f"{what} is {tensor.dtype}, the weights are {weight.dtype}")


def checked_lengths(lengths: object, batch: int, time: int, weight: Tensor) -> Tensor | None:
    """The lengths as an engine takes them, a copy, int64 [B] on the CPU; None where nothing has numbers.

    Errors: ShapeError
    """
    if not isinstance(lengths, Tensor):
        raise ShapeError(f"expected lengths, a tensor int64 [B] = [{batch}], got a {type(lengths).__name__}")
    check_dense("lengths", lengths)
    if lengths.shape != (batch,) or lengths.dtype not in WHOLE:
        raise ShapeError(f"expected lengths int64 [B] = [{batch}], got {lengths.dtype} {list(lengths.shape)}")
    if lengths.device.type == "meta":
        if weight.device.type != "meta":
            raise ShapeError(f"lengths are on meta, where they have no numbers; the weights are on {weight.device}")
        return None
    known = has_numbers(lengths)
    lengths = lengths.detach().to("cpu", torch.int64, copy=True)
    if known:
        check_lengths(lengths, time)
    return lengths
