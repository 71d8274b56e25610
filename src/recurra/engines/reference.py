"""The equations themselves, one step after the other: slow, and the law for every other engine."""

from __future__ import annotations

import torch
from torch import Tensor

from recurra.engines.request import Request, State, gate_tensors
from recurra.equations.graph import BIAS_KINDS, Parameter
from recurra.equations.symbols import bound


class StepWeights:
    """Gives the parameters of the equations their tensors while a step runs."""

    def __init__(self, request: Request) -> None:
        self.tensors = gate_tensors(request.cell, request.weights.present(), bias=request.bias)
        self.bias = request.bias
        self.mask = request.recurrent_mask

    def product(self, parameter: Parameter, operand: Tensor) -> Tensor:
        if parameter.kind == "R" and self.mask is not None:
            operand = operand * self.mask
        return operand @ self.tensors[parameter.kind, parameter.gate].T

    def vector(self, parameter: Parameter) -> Tensor | None:
        if parameter.kind in BIAS_KINDS and not self.bias:
            return None
        return self.tensors[parameter.kind, parameter.gate]


class Reference:
    """Runs a cell's function on tensors; autograd does the rest."""

    name = "reference"

    def why_not(self, request: Request) -> str | None:
        return None

    def run(self, request: Request) -> tuple[Tensor, State]:
        x, state, weights = request.dense_x(), request.state, StepWeights(request)
        outputs: list[Tensor] = []
        times = range(request.time)
        with bound(weights):
            for t in reversed(times) if request.reverse else times:
                rows = None if request.lengths is None else _rows_alive(request.lengths, t)
                if rows is None:
                    weights.mask = request.recurrent_mask
                    state = _step(request, x[:, t], state)
                    outputs.append(state[0])
                else:
                    mask, here = request.recurrent_mask, rows.to(request.device)
                    weights.mask = None if mask is None else mask[here]
                    new = _step(request, x[here, t], tuple(s[here] for s in state))
                    state = tuple(s.index_copy(0, here, n) for s, n in zip(state, new, strict=True))
                    outputs.append(torch.zeros_like(state[0]).index_copy(0, here, new[0]))
        if request.reverse:
            outputs.reverse()
        # Copies: the graph needs the states as they are, and a cell may hand on a state that is the caller's.
        return torch.stack(outputs, 1), tuple(s.clone(memory_format=torch.contiguous_format) for s in state)


def _rows_alive(lengths: Tensor, t: int) -> Tensor | None:
    """Rows that reach time t; None for all of them."""
    alive = lengths > t
    return None if bool(alive.all()) else alive.nonzero().squeeze(1)


def _step(request: Request, x: Tensor, state: State) -> State:
    new = request.cell.function(x, *state)
    new = new if isinstance(new, tuple) else (new,)
    return tuple(n.to(s.dtype).expand_as(s) for n, s in zip(new, state, strict=True))
