"""Every hidden size to 100, on every variant that is here: blocks, panels and passes end somewhere else for each.

Where a checkout has built them (`make emulated`), the blocks of AVX-512 and AMX are tested on machines without.
"""

from __future__ import annotations

from functools import cache

import pytest
import torch

from recurra.cells.catalogue import get
from recurra.cells.definition import Cell
from recurra.engines.native import library
from tests.fuzz import engine_cases, engine_checks
from tests.laws.cells_for_tests import CELLS
from tests.laws.law_cases import Answer, Sample, answer, draw

pytestmark = pytest.mark.skipif(library.why_missing() is not None, reason="the native engine was not built")

VARIANTS = library.variants() + library.emulated() if library.why_missing() is None else []

# batch and time: around 64 rows (packed at once, a group), 96 (a chunk), 48 and 72 (a tile), 512 (the depth of a pass)
ROWS = [(9, 15), (73, 7), (64, 8), (57, 9), (13, 5), (65, 2), (97, 1), (11, 6), (49, 2)]
SHARE = {torch.float32: 5e-6, torch.float64: 1e-12}


def drawn(hidden: int) -> tuple[Cell, Sample, dict[str, object]]:
    cell = CELLS[hidden % len(CELLS)]
    dtype = torch.float64 if engine_cases.has_kinks(cell) else torch.float32
    batch, time = ROWS[hidden % len(ROWS)]
    lengths = [1 + (3 * i) % time for i in range(batch)] if hidden % 4 == 0 else None
    sample = draw(cell, batch, time, 1 + 37 * hidden % 100, hidden, dtype=dtype)
    weights = {n: (w.detach() * hidden**-0.5).requires_grad_() for n, w in sample.weights.items()}
    return cell, Sample(weights, sample.x, sample.state), {"lengths": lengths, "reverse": hidden % 3 == 0}


@cache
def expected(hidden: int) -> Answer:
    cell, sample, given = drawn(hidden)
    leaves = {n: w.detach().double().requires_grad_() for n, w in sample.weights.items()}
    state = tuple(s.detach().double().requires_grad_() for s in sample.state)
    exact = Sample(leaves, sample.x.detach().double().requires_grad_(), state)
    return answer(cell, "reference", exact, **given)


@pytest.mark.parametrize("sizes", [range(1, 34), range(34, 67), range(67, 101)], ids=["to 33", "to 66", "to 100"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_hidden_size(variant: str, sizes: range) -> None:
    for hidden in sizes:
        cell, sample, given = drawn(hidden)
        with engine_checks.using(variant, threads=1 + hidden % 2):
            found = answer(cell, "native", sample, **given)
        for name, value in expected(hidden).items():
            engine_cases.close(found[name], value, SHARE[found[name].dtype], f"{cell.name}, H = {hidden}: {name}")


@pytest.mark.parametrize("hidden", [13, 14])
@pytest.mark.parametrize("variant", VARIANTS)
def test_two_blocks_of_seven_rows(variant: str, hidden: int) -> None:
    """AVX-512 packed seven rows by stores of sixteen, which reached into the next block of more than 64 rows."""
    for cell in (get("gru"), get("lstm")):
        sample = draw(cell, 9, 15, 3, hidden, dtype=torch.float32)
        mild = {n: (w.detach() * 0.3).requires_grad_() for n, w in sample.weights.items()}
        sample = Sample(mild, sample.x, sample.state)
        with engine_checks.using(variant, threads=1):
            found = answer(cell, "native", sample)
        for name, value in answer(cell, "reference", sample).items():
            engine_cases.close(found[name], value, 5e-6, f"{cell.name}: {name}")


@pytest.mark.parametrize("part", range(4))
def test_drawn_requests(part: int) -> None:
    """A sample of what `make fuzz` tries."""
    for seed in range(part, 40, 4):
        case = engine_cases.draw(seed, VARIANTS)
        assert (wrong := engine_checks.differs(case)) is None, f"{case}: {wrong}"
