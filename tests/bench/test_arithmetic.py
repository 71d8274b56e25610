"""All the work of a training step, counted by hand."""

from __future__ import annotations

import pytest

from recurra.bench.arithmetic import COSTS, Whole, whole
from recurra.bench.machine import Rates
from recurra.cells.catalogue import BUILT_IN, get
from recurra.cells.definition import Cell
from recurra.equations.derivative import derive
from recurra.equations.graph import MATRICES

INPUTS, UNITS, ROWS = 3, 5, 14


def test_a_plain_network_by_hand() -> None:
    """tanh(W x + b + R h + rb). Forward tanh and three additions, two of which end products. Backward d (1 - y y), the
    output's adjoint added to the state's, one sum over rows for both biases; W^T d and R^T d have one addition fewer
    than two for each weight. 3 I, y and dy, and of one state h written and read; 5 (3 + 5) + 2 x 5 weights.
    """
    units = UNITS * (COSTS["tanh"] + 3 - 2 + 3 + 1 + 1 - 1) - INPUTS
    bytes_moved = 4 * (3 * INPUTS + 4 * UNITS) * ROWS + 3 * 4 * 50
    found = whole(get("rnn"), INPUTS, UNITS, rows=ROWS, precision="float32")
    assert found == Whole(6 * UNITS * (INPUTS + UNITS) * ROWS, units * ROWS, bytes_moved)
    assert found.operations == found.products + found.elementwise


def test_a_linear_cell_by_hand() -> None:
    """min-gru: z = s(W x + b), n = W x + b, h' = (1 - z) h + z n, which keeps z and n. Forward 1 - z, two products
    and their sum, and additions that end products. Backward d n, d z, d h, d (1 - z), their difference, z (1 - z) and
    its product, a sign; two sums over rows, the output's adjoint; two W^T d, each one addition short, and their sum.
    """
    units = UNITS * (COSTS["sigmoid"] + 1 + 2 + 1 + 2 - 2 + 9 + 2 + 1) - INPUTS
    found = whole(get("min-gru"), INPUTS, UNITS, rows=ROWS, precision="float32")
    assert (found.products, found.elementwise) == (6 * UNITS * 2 * INPUTS * ROWS, units * ROWS)
    assert found.moved == 4 * (3 * INPUTS + UNITS * (4 + 2 * 2)) * ROWS + 3 * 4 * (2 * UNITS * INPUTS + 2 * UNITS)


@pytest.mark.parametrize("cell", BUILT_IN, ids=lambda c: c.name)
def test_every_operation_has_a_cost(cell: Cell) -> None:
    leaves = {"input", "state", "given", "constant", "vector", "saved", "adjoint"}
    program = cell.program()
    for node in (*program.nodes, *derive(program).nodes):
        assert node.op in leaves or node.op.removesuffix("T") in MATRICES or node.op in COSTS


def test_the_longer_of_arithmetic_and_memory_counts() -> None:
    rates = Rates(side=16, flops={"float32": 10.0}, bandwidth={1 << 18: 4.0}, elementwise=5.0)
    assert rates.whole(Whole(100, 10, 4), "float32") == (12.0, "arithmetic")
    assert rates.whole(Whole(10, 10, 400), "float32") == (100.0, "memory")
