"""Operations that do the work of several: the core's are what the header says, and take the place of the several."""

from __future__ import annotations

import ctypes
from typing import Any

import pytest
import torch
from run_code import COMPUTE, Decoded, decode
from torch import Tensor

from recurra.cells.definition import cell
from recurra.cells.linear import indrnn
from recurra.engines.native import library
from recurra.engines.native.bytecode import CODE, NONE, OPERATIONS, REDUCTIONS, slot
from recurra.engines.native.fused import RULES
from recurra.engines.native.lower import lower
from recurra.equations.derivative import derive
from recurra.equations.symbols import W, b, p, relu, sigmoid, tanh

TYPES = {torch.float32: library.F32, torch.float64: library.F64}
FUSED = sorted(({rule.op for rule in RULES} | {"mix"}) - {*REDUCTIONS})
UNITS = 70


def of_states(variant: str, op: str, states: list[Tensor]) -> Tensor:
    """The core's operation of states [N], as the new first state of a step."""
    words = [CODE, 0, len(states), *[0] * 12, 1, *[0] * (len(states) + 1), 0, 0, 0, len(states), 0, 0]
    before = [slot("BEFORE", i) for i in range(len(states))]
    words += [OPERATIONS[op], slot("AFTER", 0), *before, *[NONE] * (4 - len(states))]
    for i in range(1, len(states)):
        words += [OPERATIONS["copy"], slot("AFTER", i), before[i], NONE, NONE, NONE]
    c, like = library.open_variant(variant).c, states[0]
    program = c.recurra_program_new((ctypes.c_int32 * len(words))(*words), len(words), None, 0, None, 0)
    assert program
    n, x, y, last = like.numel(), like.new_zeros(1), torch.empty_like(like), [torch.empty_like(s) for s in states]
    call = library.Call(type=TYPES[like.dtype], threads=1, batch=1, time=1, inputs=1, hidden=n, projected=n, heads=1)
    call.x = call.weight_ih = x.data_ptr()
    call.x_batch = call.x_time = 1
    call.y, call.y_batch, call.y_time = y.data_ptr(), n, n
    for i, (state, after) in enumerate(zip(states, last, strict=True)):
        call.state[i], call.last[i] = state.data_ptr(), after.data_ptr()
    try:
        assert c.recurra_forward(program, ctypes.byref(call)) == library.OK
    finally:
        c.recurra_program_free(program)
    return y


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("op", FUSED)
def test_the_core_computes_what_the_header_says(op: str, dtype: torch.dtype) -> None:
    compute = COMPUTE[op.upper()]
    random = torch.Generator().manual_seed(0)
    states = [torch.randn(UNITS, generator=random, dtype=dtype) for _ in range(compute.__code__.co_argcount)]
    states[0][3], states[-1][5] = float("nan"), float("inf")
    for variant in sorted({*library.variants(), *library.emulated()}):
        torch.testing.assert_close(of_states(variant, op, states), compute(*states), equal_nan=True)


@cell()
def gates(x: Any, h: Any) -> Any:
    """Each rule forward or backward, in one level."""
    r = relu(p.r * h + W.r @ x)
    z = sigmoid(p.z * h + W.z @ x)
    n = tanh(p.n * r + W.n @ x + b.n)
    h = z * h + (1 - z) * n
    return h


def operations(code: Decoded) -> list[str]:
    return [item.op for _, instructions in code.levels for item in instructions]


def test_several_are_one() -> None:
    program = gates.program()
    made = lower(program, derive(program))
    forward, backward = operations(decode(made.train)), operations(decode(made.backward))
    assert sorted(forward) == ["MIX", "MULADD_RELU", "MULADD_SIGMOID", "MULADD_TANH"]
    assert {"SUB_MUL_SIGMOID_BACK", "MUL_TANH_BACK"} <= set(backward)


def test_sums_of_products_are_one_pass() -> None:
    program = indrnn.program()
    backward = operations(decode(lower(program, derive(program)).backward))
    assert sorted(backward) == ["ADD_MUL", "MUL", "POSITIVE", "PRODUCTS", "REDUCE", "REDUCE_MUL"]


def test_what_is_read_twice_is_computed_once() -> None:
    @cell()
    def twice(x: Any, h: Any) -> Any:
        a = p.a * h + W.a @ x
        h = sigmoid(a) * tanh(a)
        return h

    program = twice.program()
    forward = operations(decode(lower(program, derive(program)).train))
    assert sorted(forward) == ["MUL", "MULADD", "SIGMOID", "TANH"]
