"""The derived program's backward step, unrolled by hand: backpropagation through time without autograd."""

from __future__ import annotations

import torch
from torch import Tensor

from recurra.cells.definition import STORED, Cell
from recurra.engines.request import gate_tensors
from recurra.equations.graph import Parameter
from recurra.equations.interpret import run_derivative, run_program
from tests.laws.law_cases import Answer, answer, assert_same, draw, every_cell, place_weights


def plus(a: Tensor, b: Tensor | None) -> Tensor:
    return a if b is None else a + b


def through_time(cell: Cell, x: Tensor, state: list[Tensor], stored: dict[str, Tensor], *, bias: bool) -> Answer:
    """What `answer` gives, from the programs alone."""
    program, derivative = cell.program(bias=bias), cell.derivative(bias=bias)
    weights = {Parameter(kind, gate): w for (kind, gate), w in gate_tensors(cell, stored, bias=bias).items()}
    steps = []
    for t in range(x.shape[1]):
        steps.append(run_program(program, x[:, t], state, weights))
        state = [steps[-1][i] for i in program.outputs]
    y = torch.stack([values[program.outputs[0]] for values in steps], 1)
    results = {"y": y} | {f"last {n}": s for n, s in zip(cell.states, state, strict=True)}

    d_y, d_x = place_weights(y).expand_as(y), torch.zeros_like(x)
    d_state = [place_weights(s).expand_as(s) for s in state]
    d_weights = {parameter: torch.zeros_like(w) for parameter, w in weights.items()}
    for t in reversed(range(x.shape[1])):
        adjoints = [d_state[0] + d_y[:, t], *d_state[1:]]
        d_input, d_before, d_step = run_derivative(derivative, steps[t], adjoints, weights)
        d_x[:, t] = plus(d_x[:, t], d_input)
        d_state = [torch.zeros_like(s) if d is None else d for s, d in zip(state, d_before, strict=True)]
        for parameter, d in d_step.items():
            d_weights[parameter] += d
    stacked = {
        f"d {name}": torch.cat([d_weights[Parameter(STORED[name], gate)] for gate in gates])
        for name, gates in cell.layout(bias=bias).items()
    }
    return results | {"d x": d_x} | {f"d state {i}": d for i, d in enumerate(d_state)} | stacked


@every_cell
def test_equals_autograd_through_the_reference(cell: Cell) -> None:
    for bias in (True, False):
        sample = draw(cell, time=5, bias=bias)
        stored = {n: w.detach() for n, w in sample.weights.items()}
        state = [s.detach() for s in sample.state]
        assert_same(through_time(cell, sample.x.detach(), state, stored, bias=bias), answer(cell, "reference", sample))
