"""Every named value of every step, whoever computed the states."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from recurra.cells.definition import Cell
from recurra.engines.request import gate_tensors, has_bias
from recurra.equations.interpret import run_program
from recurra.equations.render import equations, named
from recurra.layers.stack import Stack
from recurra.layers.stepping import step_through
from tests.laws.law_cases import every_pair

LENGTHS = [4, 2]


def by_hand(stack: Stack, x: Tensor) -> dict[tuple[str, int, int], Tensor]:
    """One row, each step by the equations. Shapes: x [T, I] -> by name, layer and direction [T, H]"""
    found: dict[tuple[str, int, int], Tensor] = {}
    for layer in range(stack.num_layers):
        outputs = []
        for direction in range(stack.num_directions):
            stored = stack.weights(layer, direction).present()
            bias = has_bias(stack.cell, stored)
            program, gates = stack.cell.program(bias=bias), gate_tensors(stack.cell, stored, bias=bias)
            weights = {q: gates[q.kind, q.gate] for q in program.parameters}
            state = tuple(x.new_zeros(1, width) for width in stack.state_widths)
            steps: list[dict[str, Tensor]] = []
            for now in x.flip(0) if direction else x:
                values = run_program(program, now.unsqueeze(0), state, weights)
                state = tuple(values[o] for o in program.outputs)
                names = {name: values[i] for i, name in named(program).items()}
                steps.append(names | dict(zip(program.states, state, strict=True)))
            for name in steps[0]:
                rows = torch.stack([step[name].reshape(-1) for step in steps])
                found[name, layer, direction] = rows.flip(0) if direction else rows
            outputs.append(found[program.states[0], layer, direction])
        x = torch.cat(outputs, -1)
    return found


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-11)], ids=["32", "64"])
@every_pair
def test_a_trace_is_what_the_equations_say(cell: Cell, engine: str, dtype: torch.dtype, tolerance: float) -> None:
    torch.manual_seed(0)
    stack = Stack(3, 4, 2, cell=cell, bidirectional=True, dtype=dtype).eval()
    x = torch.randn(2, 4, 3, dtype=dtype)
    with torch.no_grad():
        courses = step_through(stack, x, lengths=torch.tensor(LENGTHS), engine=engine)
        outputs, _ = stack(x, lengths=torch.tensor(LENGTHS))
        found = {(name, c.layer, c.direction): v for c in courses for name, v in c.values().items()}
        for row, length in enumerate(LENGTHS):
            expected = by_hand(stack, x[row, :length])
            assert found.keys() == expected.keys()
            for key, value in expected.items():
                torch.testing.assert_close(found[key][row, :length], value, rtol=0, atol=tolerance)
                assert not found[key][row, length:].any()
    top = torch.cat([found[cell.states[0], 1, 0], found[cell.states[0], 1, 1]], -1)
    torch.testing.assert_close(top, outputs, rtol=0, atol=tolerance)
    lines = [line.partition("[t] =")[0] for line in equations(cell.program())]
    assert set(lines) <= {name for name, _, _ in found}
