"""The core's vector functions, in every variant that this machine can run: errors, edge cases, the ends of arrays.

An ulp is the distance of two numbers of the result's type next to the exact result. The exact results come from float64
for float32, and from long double for float64.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor

from recurra.engines.native import library
from recurra.engines.native.bytecode import OPERATIONS, slot
from recurra.engines.native.directions import Code
from recurra.engines.native.registers import place
from recurra.engines.native.schedule import Items
from recurra.engines.native.values import Values

if not library.variants():
    pytest.skip("no compiled library that this machine can run", allow_module_level=True)

VARIANTS = library.variants()
POSITIVE, SIGMOID, TANH, RELU, SOFTPLUS, EXP, LOG = 9, 10, 11, 12, 13, 14, 15
COPY, NEG, MINIMUM, MAXIMUM, SHARE, ONE_MINUS = 0, 5, 6, 7, 8, 19
SQRT, ABS, SIGN, SIN, COS, EXPM1, SQRT_SLOPE = range(21, 28)
TYPES = {torch.float32: library.F32, torch.float64: library.F64}
NAMES = {number: name for name, number in OPERATIONS.items()}

Array = np.ndarray


def run(variant: str, op: int, x: Tensor) -> Tensor:
    """The core's function `op` of x [N]."""
    out = torch.full_like(x, 7)
    c = library.open_variant(variant).c
    assert c.recurra_map(op, TYPES[x.dtype], x.data_ptr(), out.data_ptr(), x.numel()) == library.OK
    return out


def run_pair(variant: str, op: int, a: Tensor, b: Tensor) -> Tensor:
    """The core's function `op` of a and b, each [N]: one step of a cell with the states a and b and no weights used."""
    values = Values()
    first, second = (values.leaf(slot("BEFORE", i)) for i in range(2))
    result = values.apply(NAMES[op], first, second)
    levels = place(Items(values, {result, second}, [], 0), [(result, slot("AFTER", 0)), (second, slot("AFTER", 1))])
    code = Code(0, 0, 0, (0, 0, 0), (), levels).words(2, 0, 0)
    c = library.open_variant(variant).c
    program = c.recurra_program_new((ctypes.c_int32 * len(code))(*code), len(code), None, 0, None, 0)
    assert program
    x, y, last = torch.zeros(1, dtype=a.dtype), torch.empty_like(a), [torch.empty_like(a), torch.empty_like(b)]
    call = library.Call(
        type=TYPES[a.dtype],
        threads=1,
        batch=1,
        time=1,
        inputs=1,
        hidden=a.numel(),
        projected=a.numel(),
        heads=1,
        x=x.data_ptr(),
        x_batch=1,
        x_time=1,
        weight_ih=x.data_ptr(),
        y=y.data_ptr(),
        y_batch=a.numel(),
        y_time=a.numel(),
    )
    for i, (before, after) in enumerate(zip((a, b), last, strict=True)):
        call.state[i], call.last[i] = before.data_ptr(), after.data_ptr()
    try:
        assert c.recurra_forward(program, ctypes.byref(call)) == library.OK
    finally:
        c.recurra_program_free(program)
    return y


def _sigmoid(x: Array) -> Array:
    small = np.exp(-np.abs(x))
    return np.where(x < 0, small, 1) / (1 + small)


EXACT: dict[int, Callable[[Array], Array]] = {
    SIGMOID: _sigmoid,
    TANH: np.tanh,
    SOFTPLUS: lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))),
    EXP: np.exp,
    LOG: np.log,
    SQRT: np.sqrt,
    SIN: np.sin,
    COS: np.cos,
    EXPM1: np.expm1,
}
OF_TORCH: dict[int, Callable[[Tensor], Tensor]] = {
    SIGMOID: torch.sigmoid,
    TANH: torch.tanh,
    SOFTPLUS: lambda x: torch.logaddexp(x, torch.zeros((), dtype=x.dtype)),
    EXP: torch.exp,
    LOG: torch.log,
    RELU: torch.relu,
    NEG: torch.neg,
    COPY: torch.clone,
    POSITIVE: lambda x: (x > 0).to(x.dtype),
    ONE_MINUS: lambda x: 1 - x,
    SQRT: torch.sqrt,
    ABS: torch.abs,
    SIGN: torch.sign,
    SIN: torch.sin,
    COS: torch.cos,
    EXPM1: torch.expm1,
    SQRT_SLOPE: lambda x: torch.where(x == 0, torch.zeros_like(x), torch.full_like(x, 0.5) / x),
}


@cache
def numbers() -> Tensor:
    """float32 of all exponents and both signs, and densely what the functions' bends and ends are made of."""
    rng = np.random.default_rng(0)
    exponents = np.arange(512, dtype=np.uint32) << 23  # the sign is the exponent's ninth bit
    bits = (exponents[:, None] | rng.integers(0, 1 << 23, (512, 2000), dtype=np.uint32)).reshape(-1)
    edges = exponents[:, None] + np.arange(-2, 3).astype(np.uint32)
    random = np.concatenate([bits, edges.reshape(-1)]).view(np.float32)
    random = random[np.isfinite(random)]
    dense = np.concatenate(
        [np.linspace(-110, 110, 500_001), np.linspace(-20, 20, 500_001), np.linspace(-1, 2, 300_001)]
    )
    return torch.from_numpy(np.concatenate([random, dense.astype(np.float32)]))


def worst(got: Tensor, exact: Array) -> float:
    """The largest error in ulp; where the exact result is infinite, NaN or too large for got's type, got is that."""
    form = np.finfo(got.numpy().dtype)
    found = got.numpy()
    with np.errstate(over="ignore"):
        rounded = exact.astype(found.dtype)
    plain = np.isfinite(rounded)
    np.testing.assert_array_equal(found[~plain], rounded[~plain])
    _, exponent = np.frexp(np.abs(exact[plain]))
    spacing = np.ldexp(exact.dtype.type(1), np.maximum(exponent - form.nmant - 1, form.minexp - form.nmant))
    return float((np.abs(found[plain].astype(exact.dtype) - exact[plain]) / spacing).max())


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("op", EXACT)
def test_float32_is_within_2_ulp(variant: str, op: int) -> None:
    """2.2 in one case. Everywhere, also relative to results near 0 and below the smallest normal number."""
    x = numbers()
    with np.errstate(all="ignore"):
        exact = EXACT[op](x.numpy().astype(np.float64))
    most = 2.2 if (op, variant) == (SOFTPLUS, "portable") else 2  # portable: no fused multiply-add
    assert worst(run(variant, op, x), exact) < most


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("op", EXACT)
def test_float64_is_within_2_ulp(variant: str, op: int) -> None:
    if np.finfo(np.longdouble).nmant <= np.finfo(np.float64).nmant:
        pytest.skip("long double is no longer than double here")
    x = torch.linspace(-40, 40, 20_001, dtype=torch.float64)
    x = torch.cat([x, x * 17.6, x / 40, x.pow(7) * 1e-30, -x.exp(), x.exp()])
    with np.errstate(all="ignore"):
        exact = EXACT[op](x.numpy().astype(np.longdouble))
    normal = ~(np.abs(exact) < np.finfo(np.float64).tiny)
    assert worst(run(variant, op, x)[torch.from_numpy(normal)], exact[normal]) < 2


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("op", OF_TORCH)
def test_edge_cases_are_those_of_torch(variant: str, dtype: torch.dtype, op: int) -> None:
    form = torch.finfo(dtype)
    sizes = [0.0, form.smallest_normal / 4, form.smallest_normal, 1.0, 1000.0, form.max, torch.inf, torch.nan]
    x = torch.tensor([*sizes, *(-size for size in sizes)], dtype=dtype)
    got, due = run(variant, op, x), OF_TORCH[op](x)
    torch.testing.assert_close(got, due, equal_nan=True, atol=0, rtol=4 * form.eps)
    number = ~due.isnan()
    assert torch.equal(got.signbit()[number], due.signbit()[number])


@pytest.mark.parametrize("variant", VARIANTS)
def test_tanh_is_odd_to_the_bit(variant: str) -> None:
    x = numbers()
    assert torch.equal(run(variant, TANH, -x), -run(variant, TANH, x))


@pytest.mark.parametrize("variant", VARIANTS)
def test_gates_stay_in_their_range(variant: str) -> None:
    x = numbers()
    assert run(variant, TANH, x).abs().max() == 1
    gate = run(variant, SIGMOID, x)
    assert (gate.min(), gate.max()) == (0, 1)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("op", OF_TORCH)
def test_an_array_may_end_anywhere(variant: str, dtype: torch.dtype, op: int) -> None:
    """A number's result does not depend on its place, and nothing is written past the end."""
    x = torch.linspace(-3, 4, 80, dtype=dtype)
    whole = run(variant, op, x)
    c = library.open_variant(variant).c
    for n in range(40):
        out = torch.full_like(x, 7)
        assert c.recurra_map(op, TYPES[dtype], x.data_ptr(), out.data_ptr(), n) == library.OK
        torch.testing.assert_close(out[:n], whole[:n], rtol=0, atol=0, equal_nan=True)
        assert (out[n:] == 7).all()


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("op", [MINIMUM, MAXIMUM, SHARE])
def test_pairs_are_compared_as_by_torch(variant: str, dtype: torch.dtype, op: int) -> None:
    sizes = torch.tensor([0.0, 1e-40, 1.0, 2.0, torch.inf, torch.nan], dtype=dtype)
    every = torch.cat([sizes, -sizes])
    a, b = every.repeat_interleave(12), every.repeat(12)
    due = {
        MINIMUM: torch.minimum(a, b),
        MAXIMUM: torch.maximum(a, b),
        SHARE: (a > b).to(dtype) + (a == b).to(dtype) / 2,
    }[op]
    torch.testing.assert_close(run_pair(variant, op, a, b), due, rtol=0, atol=0, equal_nan=True)


def test_what_is_no_function_is_refused() -> None:
    c, x = library.open_variant(VARIANTS[0]).c, torch.zeros(3)
    for op, type_, n in [(MINIMUM, 0, 3), (99, 0, 3), (EXP, 2, 3), (EXP, 0, -1)]:
        assert c.recurra_map(op, type_, x.data_ptr(), x.data_ptr(), n) == library.BAD_CALL
    assert c.recurra_map(EXP, 0, None, x.data_ptr(), 3) == library.BAD_CALL
