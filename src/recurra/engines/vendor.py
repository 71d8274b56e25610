"""torch's own kernels (oneDNN, cuDNN, ATen) for the cells that torch has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import _VF, Tensor

from recurra.cells.definition import Cell
from recurra.cells.elman import rnn, rnn_relu
from recurra.cells.gru import gru
from recurra.cells.lstm import lstm
from recurra.engines.request import Embedded, Request, State

KERNELS: dict[Cell, Callable[..., Any]] = {lstm: _VF.lstm, gru: _VF.gru, rnn: _VF.rnn_tanh, rnn_relu: _VF.rnn_relu}

HOLD = 1e4
"""Added to a gate's sum, drives its sigmoid to exactly 1 (negative: to 0) in every floating-point type."""


class Vendor:
    """Calls torch's kernel once per layer and direction, with the weights as they are stored.

    Ragged rows run padded, which is faster than packed on a CPU. Outputs past a row's end are zeroed and h is taken
    from the row's own last output. An LSTM's c is in no output; there one more input column holds f at 1 and i at
    0 past the end, so that c stays what it was, exactly, and nothing flows back from there.
    """

    name = "vendor"

    def why_not(self, request: Request) -> str | None:
        if request.cell not in KERNELS:
            return f"torch has no {request.cell.name} (it has {', '.join(c.name for c in KERNELS)})"
        if request.recurrent_mask is not None:
            return "torch's kernels have no dropout inside the step"
        if request.batch == 0:
            return "torch's kernels take no empty batch"
        return None

    def run(self, request: Request) -> tuple[Tensor, State]:
        ragged = request.lengths is not None and bool((request.lengths < request.time).any())
        lengths = request.lengths.to(request.device) if ragged and request.lengths is not None else None
        order = None if not request.reverse else _reversal(lengths, request)
        x = _ordered(request.x, order)
        alive = None
        if lengths is not None:
            alive = (torch.arange(request.time, device=request.device) < lengths[:, None]).unsqueeze(-1)
            x = torch.where(alive, x, x.new_zeros(()))
        flat = list(request.weights.present().values())
        if alive is not None and request.cell is lstm:
            x = torch.cat([x, (~alive).to(x.dtype)], -1)
            flat[0] = torch.cat([flat[0], _hold_column(request)], -1)
        y, state = self._call(request, x, flat)
        if alive is not None and lengths is not None:
            y = torch.where(alive, y, y.new_zeros(()))
            last = y[torch.arange(request.batch, device=y.device), lengths - 1]
            state = (last, *state[1:])
        if order is not None:
            y = y.gather(1, order.unsqueeze(-1).expand_as(y))
        return y, state

    def _call(self, request: Request, x: Tensor, flat: list[Tensor]) -> tuple[Tensor, State]:
        initial = tuple(s.unsqueeze(0).contiguous() for s in request.state)
        train = torch.is_grad_enabled()
        several = len(initial) > 1
        y, *state = KERNELS[request.cell](
            x, initial if several else initial[0], flat, request.bias, 1, 0.0, train, False, True
        )
        return y, tuple(s.squeeze(0) for s in state)


def _hold_column(request: Request) -> Tensor:
    gates = request.cell.layout()["weight_ih"]
    column = [{"i": -HOLD, "f": HOLD}.get(gate, 0.0) for gate in gates]
    weight = request.weights.weight_ih
    return weight.new_tensor(column).repeat_interleave(request.hidden_size).unsqueeze(-1)


def _reversal(lengths: Tensor | None, request: Request) -> Tensor:
    """Where each place of the reversed sequence comes from [B, T]: its own inverse; places past the end stay."""
    places = torch.arange(request.time, device=request.device)
    if lengths is None:
        return places.flip(0).expand(request.batch, -1)
    mirrored = lengths[:, None] - 1 - places
    return torch.where(mirrored >= 0, mirrored, places)


def _ordered(x: Tensor | Embedded, order: Tensor | None) -> Tensor:
    if isinstance(x, Embedded):
        tokens = x.tokens if order is None else x.tokens.gather(1, order)
        return Embedded(tokens, x.table).dense()
    return x if order is None else x.gather(1, order.unsqueeze(-1).expand_as(x))
