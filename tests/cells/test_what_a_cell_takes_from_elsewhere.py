"""Numbers from outside a cell's function count as they were when the cell was defined, on every engine."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from recurra.cells.definition import Cell, cell
from recurra.engines.request import CellWeights
from recurra.equations.symbols import R, W, b, tanh
from recurra.recurrence import unroll

SHARE = 0.5


def leaky(x: Any, h: Any) -> Any:
    h = (1 - SHARE) * h + SHARE * tanh(W.h @ x + R.h @ h + b.h)
    return h


def run(made: Cell, engine: str, bias: bool) -> torch.Tensor:
    torch.manual_seed(0)
    weights = CellWeights(**{n: torch.randn(s) for n, s in made.shapes(3, 5, bias=bias).items()})
    return unroll(made, weights, torch.randn(2, 4, 3), engine=engine)[0]


@pytest.mark.parametrize("bias", [True, False])
def test_a_constant_that_changes_later(bias: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    before = cell(source="a test")(leaky)
    expected = run(before, "reference", bias)
    monkeypatch.setitem(globals(), "SHARE", 0.9)
    after = cell(source="a test")(leaky)
    assert before.program().fingerprint != after.program().fingerprint
    for engine in ("auto", "native", "reference"):
        torch.testing.assert_close(run(before, engine, bias), expected)
        assert not torch.allclose(run(after, engine, bias), expected)
    torch.testing.assert_close(run(after, "native", bias), run(after, "reference", bias))
