"""What weights of a cell start from, and that they have no values outside of it."""

from __future__ import annotations

from typing import Any

import pytest

from recurra.cells.definition import cell
from recurra.equations.symbols import W, b, p, tanh
from recurra.errors import CellError


def test_a_bias_to_start_from_belongs_to_a_gate() -> None:
    with pytest.raises(CellError, match="cell eager: initial_bias names gates that have no bias: forget"):

        @cell(initial_bias={"forget": 1.0})
        def eager(x: Any, h: Any) -> Any:
            return tanh(W.h @ x + b.h)


@pytest.mark.parametrize("start", ["a", (1, 2, 3), (2, 1), float("nan"), True])
def test_what_weights_start_from_is_a_number_or_two(start: Any) -> None:
    with pytest.raises(CellError, match=r"cell decaying: p\.z starts from a finite number or a pair, the lowest"):

        @cell(initial={"p.z": start})
        def decaying(x: Any, h: Any) -> Any:
            return W.h @ x + p.z * h

    with pytest.raises(CellError, match="cell eager: h starts from a finite number, got"):

        @cell(initial_bias={"h": start})
        def eager(x: Any, h: Any) -> Any:
            return tanh(W.h @ x + b.h)


def test_weights_have_no_values_outside_a_cell() -> None:
    with pytest.raises(CellError, match="only inside a cell"):
        W.i @ 3
