"""The native layer as torch's own tools see it: operators and compiler."""

from __future__ import annotations

from collections.abc import Iterator
from ctypes import byref
from typing import Any

import pytest
import torch
from torch import Tensor

from recurra.cells.catalogue import get
from recurra.cells.definition import Cell
from recurra.engines.native import calls
from recurra.engines.native.calls import Inputs
from recurra.engines.native.compiled import by_key, compiled, in_core
from recurra.engines.native.layer import layer
from recurra.engines.native.operators import _memory_size
from tests.laws.cells_for_tests import CELLS
from tests.laws.law_cases import Sample, assert_same, draw, gradients

LENGTHS = [6, 1, 4, 3]
TOKENS = torch.tensor([[0, 2, 2, 1, 0, 2], [1, 1, 1, 1, 1, 1], [3, 0, 0, 2, 1, 0], [2, 2, 3, 3, 0, 1]])


def arguments(cell: Cell, dtype: torch.dtype, kind: str, lengths: bool, reverse: bool = False) -> tuple[Any, ...]:
    """What `torch.ops.recurra.layer` takes."""
    sample = draw(cell, dtype=dtype)
    table = torch.randn(5, 3, dtype=dtype, requires_grad=True) if kind == "table" else None
    return (
        compiled(cell, bias=True, mask=False).key,
        sample.x if table is None else TOKENS,
        table,
        torch.tensor(LENGTHS) if lengths else None,
        list(sample.state),
        list(sample.weights.values()),
        reverse,
        False,
    )


@pytest.fixture
def empty_is_alike() -> Iterator[None]:
    """Memory that nobody writes, such as a buffer's end, holds the same in every run, for opcheck compares it."""
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


# operators and compilers


@pytest.mark.usefixtures("empty_is_alike")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("lengths", [False, True], ids=["full", "ragged"])
@pytest.mark.parametrize("kind", ["x", "table"])
def test_the_operator_is_sound(kind: str, lengths: bool, dtype: torch.dtype) -> None:
    torch.library.opcheck(torch.ops.recurra.layer, arguments(get("lstm"), dtype, kind, lengths, reverse=lengths))


@pytest.mark.usefixtures("empty_is_alike")
@pytest.mark.parametrize("cell", CELLS[-4:], ids=lambda c: c.name)
def test_the_operator_is_sound_for_users_cells(cell: Cell) -> None:
    torch.library.opcheck(torch.ops.recurra.layer, arguments(cell, torch.float64, "x", True))


def test_memory_is_never_too_small() -> None:
    """What the operator sets aside, of symbolic sizes, is enough for what the core then asks for."""
    for cell in CELLS:
        made = compiled(cell, bias=True, mask=False)
        for batch, time, hidden in ((1, 1, 1), (1, 300, 1), (70, 1, 3), (5, 9, 17), (33, 40, 65)):
            for dtype in (torch.float32, torch.float64):
                weights = tuple(torch.zeros(s, dtype=dtype) for s in cell.shapes(2, hidden).values())
                state = tuple(torch.zeros(batch, hidden, dtype=dtype) for _ in cell.states)
                for lengths in (None, 1 + torch.arange(batch) % time):
                    x = torch.zeros(batch, time, 2, dtype=dtype)
                    call, alive = calls.call_of(made, Inputs(x, None, lengths, state, weights, False, False))
                    needed = made.library.c.recurra_memory(made.train, byref(call))
                    assert 0 < needed <= _memory_size(made.form, batch, time, hidden, dtype.itemsize)
                    del alive


@pytest.mark.parametrize("kind", ["x", "table"])
@pytest.mark.parametrize("name", ["lstm", "gru", "peephole-lstm"])
def test_compiled_gives_the_same(name: str, kind: str) -> None:
    key, x, table, lengths, state, weights, *flags = arguments(get(name), torch.float64, kind, True)
    made, first = in_core(by_key(key)), x if table is None else table

    def run(first: Tensor, state: list[Tensor], weights: list[Tensor]) -> list[Tensor]:
        given = (first, None) if kind == "x" else (TOKENS, first)
        y, last = layer(made, Inputs(*given, lengths, tuple(state), tuple(weights), *flags))
        return [y * 2, *last]

    found = []
    for function in (run, torch.compile(run, fullgraph=True, backend="aot_eager")):
        results = function(first, state, weights)
        sample = Sample(dict(zip(made.stored, weights, strict=True)), first, tuple(state))
        found.append(gradients(sample, {str(i): r for i, r in enumerate(results)}))
    assert_same(found[1], found[0])


def test_gradients_of_the_operator_share_no_memory() -> None:
    """As the law says of engines, for a call without one."""
    given = arguments(get("lstm"), torch.float64, "x", False)
    torch.ops.recurra.layer(*given)[0].sum().backward()
    seen = [leaf.grad.untyped_storage().data_ptr() for leaf in (given[1], *given[4], *given[5])]
    assert len(set(seen)) == len(seen)
