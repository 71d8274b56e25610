"""The equations themselves, one step after the other: slow, and the law for every other engine."""

from __future__ import annotations

import torch
from torch import Tensor

from recurra.engines.request import Engine, Request, State, gate_tensors
from recurra.engines.watching import has_numbers
from recurra.equations.interpret import run_program


class Reference(Engine):
    """Runs a cell's equations, as they were when it was defined, on tensors; autograd does the rest."""

    name = "reference"

    def why_not(self, request: Request) -> str | None:
        return None

    def run(self, request: Request) -> tuple[Tensor, State]:
        step = _Step(request)
        x, state, lengths = request.dense_x(), request.state, request.lengths
        # Where lengths have no numbers to look at, every row takes every step, and rows past their end keep nothing.
        whole = lengths is not None and not has_numbers(lengths)
        alive = None
        if whole and lengths is not None:
            times = torch.arange(x.shape[1], device=request.device)
            alive = (times < lengths.to(request.device).unsqueeze(1)).unsqueeze(2)
            x = torch.where(alive, x, x.new_zeros(()))
        outputs: list[Tensor] = []
        steps = list(enumerate(x.unbind(1)))
        for t, now in reversed(steps) if request.reverse else steps:
            rows = None if whole or lengths is None else _rows_alive(lengths, t)
            given = tuple(g[:, t] for g in request.given)
            if alive is not None:
                new = step(now, state, request.recurrent_mask, given)
                state = tuple(torch.where(alive[:, t], n, s) for n, s in zip(new, state, strict=True))
                outputs.append(torch.where(alive[:, t], new[0], new[0].new_zeros(())))
            elif rows is None:
                state = step(now, state, request.recurrent_mask, given)
                outputs.append(state[0])
            else:
                mask, here = request.recurrent_mask, rows.to(request.device)
                new = step(
                    now[here],
                    tuple(s[here] for s in state),
                    None if mask is None else mask[here],
                    tuple(g[here] for g in given),
                )
                state = tuple(s.index_copy(0, here, n) for s, n in zip(state, new, strict=True))
                outputs.append(torch.zeros_like(state[0]).index_copy(0, here, new[0]))
        if request.reverse:
            outputs.reverse()
        # Copies: the graph needs the states as they are, and a cell may return a state that is the caller's.
        return torch.stack(outputs, 1), tuple(s.clone(memory_format=torch.contiguous_format) for s in state)


class _Step:
    """One step of the request's cell."""

    def __init__(self, request: Request) -> None:
        self.program = request.cell.program(bias=request.bias)
        gates = gate_tensors(request.cell, request.weights.dense().present(), bias=request.bias)
        self.weights = {q: gates[q.kind, q.gate] for q in self.program.parameters}

    def __call__(self, x: Tensor, state: State, mask: Tensor | None, given: tuple[Tensor, ...]) -> State:
        values = run_program(self.program, x, state, self.weights, recurrent_mask=mask, given=given)
        return tuple(values[o].to(s.dtype).expand_as(s) for o, s in zip(self.program.outputs, state, strict=True))


def _rows_alive(lengths: Tensor, t: int) -> Tensor | None:
    """Rows that reach time t; None for all of them."""
    alive = lengths > t
    return None if bool(alive.all()) else alive.nonzero().squeeze(1)
