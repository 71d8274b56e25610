from __future__ import annotations

import pytest

from recurra.cells.catalogue import BUILT_IN
from recurra.engines.choose import ENGINES
from tests.laws.cells_for_tests import CELLS
from tests.laws.law_cases import PAIRS


@pytest.mark.parametrize("engine", [e.name for e in ENGINES])
def test_an_engine_runs_something(engine: str) -> None:
    assert any(name == engine for _, name in PAIRS), f"no cell ran on {engine}: the laws say nothing about it"


def test_every_cell_is_run() -> None:
    assert {cell.name for cell, _ in PAIRS} == {cell.name for cell in CELLS}
    assert set(BUILT_IN) < set(CELLS)
