"""What an engine is asked to do."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional

from recurra.cells.definition import STORED, Cell
from recurra.engines.heads import block_diagonal
from recurra.errors import ShapeError

State = tuple[Tensor, ...]
"""One tensor [B, H] for each state of the cell, in the order of its equations; [B, N] for a projected one."""


@dataclass(frozen=True)
class Embedded:
    """Tokens and their table, where a layer takes vectors.

    A token's input projection depends on the token alone, so an engine may project the table once and look rows up.
    padding_idx: a row of the table that takes no gradient, as torch.nn.Embedding's
    Shapes: tokens int64 [B, T], table [V, I]
    """

    tokens: Tensor
    table: Tensor
    padding_idx: int | None = None

    def dense(self) -> Tensor:
        """The vectors [B, T, I]."""
        return functional.embedding(self.tokens, self.table, self.padding_idx)

    def without_padding(self) -> Embedded:
        """The same for engines, which know nothing of padding: no gradient flows back into the row from this table.

        Errors: ShapeError for a row that does not exist
        """
        row, table = self.padding_idx, self.table
        if row is None:
            return self
        if not isinstance(row, int) or isinstance(row, bool) or not -len(table) <= row < len(table):
            raise ShapeError(f"expected padding_idx from {-len(table)} to {len(table) - 1}, got {row!r}")
        if torch.is_grad_enabled() and table.requires_grad:
            here = torch.arange(len(table), device=table.device) == row % len(table)
            table = torch.where(here.unsqueeze(1), table.detach(), table)
        return Embedded(self.tokens, table)


@dataclass(eq=False)
class CellWeights:
    """The weights of one layer and direction, as they are stored; None where the cell has none of the kind.

    Shapes: weight_ih [G*H, I], weight_hh [G*H, H], weight_ph, bias_ih, bias_hh, weight_sh [G*H], weight_k [G],
    weight_hr [G*N, H], each with its own number G of gates; weight_hh [G*H, N] where a projection of width N is mapped,
    [G*H, H/heads] where the units of a head see each other alone
    """

    weight_ih: Tensor
    weight_hh: Tensor | None = None
    weight_ph: Tensor | None = None
    bias_ih: Tensor | None = None
    bias_hh: Tensor | None = None
    weight_sh: Tensor | None = None
    weight_k: Tensor | None = None
    weight_hr: Tensor | None = None
    heads: int = 1

    def proj_size(self, cell: Cell) -> int | None:
        """N, as the weights have it; None for a cell without a projection."""
        stored = self.weight_hr
        return None if stored is None or not cell.projected else stored.shape[0] // len(cell.layout()["weight_hr"])

    @classmethod
    def of(cls, stored: Mapping[str, Tensor], heads: int = 1) -> CellWeights:
        """Weights by their stored names."""
        found: dict[str, Any] = dict(stored)
        return cls(**found, heads=heads)

    def replaced(self, **some: Tensor) -> CellWeights:
        """The same with some of them replaced."""
        found: dict[str, Any] = dict(some)
        return replace(self, **found)

    def dense(self) -> CellWeights:
        """The same with heads as blocks between zeros, weight_hh [G*H, H]."""
        if self.heads == 1 or self.weight_hh is None:
            return self
        return replace(self, weight_hh=block_diagonal(self.weight_hh, self.heads), heads=1)

    def listed(self) -> tuple[Tensor, ...]:
        """Those that are there, in the order of the fields."""
        return tuple([w for w in self.every() if w is not None])

    def every(self) -> tuple[Tensor | None, ...]:
        """All of them, in the order of the fields."""
        return (
            self.weight_ih,
            self.weight_hh,
            self.weight_ph,
            self.bias_ih,
            self.bias_hh,
            self.weight_sh,
            self.weight_k,
            self.weight_hr,
        )

    def present(self) -> dict[str, Tensor]:
        """Those that are there, by stored name."""
        found = {stored: getattr(self, stored) for stored in STORED}
        return {stored: tensor for stored, tensor in found.items() if tensor is not None}


@dataclass(eq=False)
class Request:
    """One layer in one direction over time; checked by `unroll`, so that engines need not.

    Shapes: x [B, T, I] or Embedded, state each [B, H], lengths int64 [B] on the CPU or None for all T,
    recurrent_mask [B, H]: what every operand of a recurrent product is multiplied by, or None; given: what the cell's
    steps take beside input and states (`Cell.given`), each [B, T, H]
    stacked: an engine may give the last states as [1, B, H] each
    """

    cell: Cell
    weights: CellWeights
    x: Tensor | Embedded
    state: State
    lengths: Tensor | None = None
    reverse: bool = False
    recurrent_mask: Tensor | None = None
    bias: bool = True
    given: tuple[Tensor, ...] = ()
    stacked: bool = False

    @property
    def batch(self) -> int:
        return self._x_shape[0]

    @property
    def time(self) -> int:
        return self._x_shape[1]

    @property
    def hidden_size(self) -> int:
        return self.weights.weight_ih.shape[0] // len(self.cell.layout()["weight_ih"])

    @property
    def device(self) -> torch.device:
        return self.weights.weight_ih.device

    @property
    def _x_shape(self) -> torch.Size:
        return self.x.tokens.shape if isinstance(self.x, Embedded) else self.x.shape

    def dense_x(self) -> Tensor:
        """The input as vectors [B, T, I]."""
        return self.x.dense() if isinstance(self.x, Embedded) else self.x


class Engine(Protocol):
    """Runs requests: the base of all engines."""

    name: str

    def why_not(self, request: Request) -> str | None:
        """None if it can do this; otherwise the reason, with its numbers."""

    def run(self, request: Request) -> tuple[Tensor, State]:
        """The outputs [B, T, H], zero past each row's length, and each row's own last state."""

    def run_both(self, first: Request, second: Request) -> tuple[Tensor, tuple[State, State]]:
        """Two requests that are alike but for weights, states and masks, the second in reverse: y [B, T, 2H]."""
        y, last = self.run(first)
        reversed_y, reversed_last = self.run(second)
        return torch.cat([y, reversed_y], -1), (last, reversed_last)

    def stream(self, request: Request) -> Stream:
        """The request's cell, weights and states, a step at a time: by `run`, unless an engine has something better."""
        return SteppedStream(self, request)


class Stream(Protocol):
    """One layer, a step at a time, with its states inside.

    Shapes of state: one [B, H] for each state of the cell; a copy when read.
    """

    state: State

    def step(self, x: Tensor) -> Tensor:
        """Shapes: x [B, I] -> y [B, H], which the next step may overwrite."""


class SteppedStream:
    """Any engine, called for one step at a time."""

    def __init__(self, engine: Engine, request: Request) -> None:
        self._engine, self._request = engine, request
        self._state = _copies(request.state)

    def step(self, x: Tensor) -> Tensor:
        """Shapes: x [B, I] -> y [B, H]

        Errors: ShapeError
        """
        weight = self._request.weights.weight_ih
        expected = [self._request.batch, weight.shape[1]]
        if list(x.shape) != expected or x.dtype != weight.dtype or x.device != weight.device:
            given = f"got {list(x.shape)}, {x.dtype} on {x.device}"
            raise ShapeError(f"expected x {expected}, {weight.dtype} on {weight.device}; {given}")
        with torch.no_grad():
            y, self._state = self._engine.run(replace(self._request, x=x.unsqueeze(1), state=self._state))
        return y.squeeze(1)

    @property
    def state(self) -> State:
        """Copies of the states, each [B, H]."""
        return _copies(self._state)

    @state.setter
    def state(self, values: State) -> None:
        """Errors: ShapeError"""
        self._state = _copies(values, like=self._state)


def _copies(values: State, like: State | None = None) -> State:
    for value, own in zip(values, like or values, strict=True):
        if value.shape != own.shape:
            raise ShapeError(f"expected states {list(own.shape)}, got {list(value.shape)}")
    return tuple(v.detach().to(own.dtype, copy=True) for v, own in zip(values, like or values, strict=True))


def check_tokens(tokens: Tensor, rows: int) -> None:
    """Errors: ShapeError for a token outside the table's rows"""
    if tokens.numel():
        low, high = (int(v) for v in tokens.aminmax())
        if low < 0 or high >= rows:
            raise ShapeError(f"tokens reach from {low} to {high}, the table has rows 0 to {rows - 1}")


def check_lengths(lengths: Tensor, time: int) -> None:
    """Errors: ShapeError for a length below 1 or above T"""
    if lengths.numel():
        low, high = (int(v) for v in lengths.aminmax())
        if low < 1 or high > time:
            raise ShapeError(f"expected lengths from 1 to T = {time}, got {low} to {high}")


def has_bias(cell: Cell, stored: Collection[str]) -> bool:
    """Whether these weights, by stored name, are of a cell with its biases; True for a cell that never has any."""
    possible = [name for name in ("bias_ih", "bias_hh") if name in cell.layout()]
    return not possible or any(name in stored for name in possible)


def gate_tensors(cell: Cell, stored: Mapping[str, Tensor], *, bias: bool) -> dict[tuple[str, str], Tensor]:
    """Each gate's rows of the stored weights, by (kind, gate)."""
    found: dict[tuple[str, str], Tensor] = {}
    for name, gates in cell.layout(bias=bias).items():
        for gate, rows in zip(gates, stored[name].chunk(len(gates)), strict=True):
            found[STORED[name], gate] = rows
    return found
