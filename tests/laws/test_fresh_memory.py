"""No engine reads memory that was not written: such memory is NaN here. Of the native engine every variant that this
machine can run, at sizes that are multiples of nothing, with 1 to 3 threads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from recurra.cells.catalogue import get
from recurra.cells.definition import Cell
from recurra.engines.native import library
from recurra.engines.native.compiled import compiled, form
from recurra.engines.request import CellWeights, Embedded
from recurra.recurrence import unroll
from tests.laws.cells_for_tests import CELLS
from tests.laws.law_cases import Answer, Sample, answer, assert_same, draw, every_cell, every_pair, gradients

VARIANTS = library.variants() if library.why_missing() is None else []

# batch, time, inputs, hidden. Weights of H > 80 are many enough for threads to share the units of few rows.
SIZES = [(1, 1, 1, 1), (2, 5, 1, 9), (1, 4, 33, 83), (7, 3, 17, 31), (5, 2, 40, 65), (67, 2, 3, 5)]


def fill_with_nan(on: bool) -> None:
    """Fresh memory of the core and of torch."""
    torch.use_deterministic_algorithms(on)  # torch fills what it hands out
    for name in VARIANTS:
        library.open_variant(name).c.recurra_fill_nan(int(on))


@pytest.fixture
def nan_everywhere() -> Iterator[None]:
    """Fresh memory of the core and of torch is NaN; teams are as large as is asked for."""
    threads = torch.get_num_threads()
    fill_with_nan(True)
    for name in VARIANTS:
        library.open_variant(name).c.recurra_threads_as_asked(1)
    yield
    fill_with_nan(False)
    for name in VARIANTS:
        library.open_variant(name).c.recurra_threads_as_asked(0)
    torch.set_num_threads(threads)
    library.read_environment_again()


@pytest.fixture(params=VARIANTS)
def variant(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    name: str = request.param
    monkeypatch.setenv("RECURRA_NATIVE", name)
    library.read_environment_again()
    return name


def mild(cell: Cell, *sizes: int, dtype: torch.dtype = torch.float64) -> Sample:
    """Numbers of the size that training starts from: with larger ones a step makes much of float32's roundings."""
    sample = draw(cell, *sizes, dtype=dtype)
    share = sizes[-1] ** -0.5
    return replace(sample, weights={n: (w.detach() * share).requires_grad_() for n, w in sample.weights.items()})


def assert_native_is_right(cell: Cell, sample: Sample, threads: int, **given: Any) -> None:
    torch.set_num_threads(1)  # the reference's steps are too small to share
    expected = answer(cell, "reference", sample, **given)
    torch.set_num_threads(threads)
    assert_same(answer(cell, "native", sample, **given), expected)


def some_lengths(batch: int, time: int) -> list[int]:
    return [1 + (3 * i) % time for i in range(batch)]


@pytest.mark.parametrize("lengths", [None, [7, 1, 3, 3, 2]], ids=["full", "ragged"])
@pytest.mark.usefixtures("nan_everywhere")
@every_pair
def test_nothing_is_read_that_was_not_written(cell: Cell, engine: str, lengths: list[int] | None) -> None:
    """To the bit what it is on memory as it comes: nothing but the memory differs."""
    assert torch.empty(4).isnan().all()
    sample = draw(cell, 5, 7, 3, 9)
    found = answer(cell, engine, sample, lengths=lengths)
    fill_with_nan(False)
    assert_same(found, answer(cell, engine, sample, lengths=lengths), exact=True)


@pytest.mark.usefixtures("nan_everywhere")
@every_cell
def test_every_variant_equals_reference(cell: Cell, variant: str) -> None:
    assert compiled(cell, bias=True, mask=False).library.variant == variant
    for threads, sizes in zip((1, 2, 3, 1, 2, 3), SIZES, strict=True):
        given = {"lengths": some_lengths(*sizes[:2]), "reverse": threads == 2}
        assert_native_is_right(cell, mild(cell, *sizes), threads, **given)


WITHOUT_PRODUCTS = [c for c in CELLS if form(c, bias=True, mask=False).lowered.in_blocks]
BLOCKS = [(1, 230, 7, 70), (3, 70, 2, 70), (9, 25, 3, 33), (70, 3, 2, 17)]  # more steps than a block has, and fewer


@pytest.mark.usefixtures("nan_everywhere")
@pytest.mark.parametrize("cell", WITHOUT_PRODUCTS, ids=lambda c: c.name)
def test_steps_in_blocks_equal_reference(cell: Cell, variant: str) -> None:
    assert compiled(cell, bias=True, mask=False).library.variant == variant
    for threads, sizes in zip((2, 1, 3, 2), BLOCKS, strict=True):
        batch, time = sizes[:2]
        lengths = [time - 7 * (i // 2) % time for i in range(batch)]
        for given in ({}, {"lengths": lengths}, {"lengths": some_lengths(batch, time), "reverse": True}):
            assert_native_is_right(cell, mild(cell, *sizes), threads, **given)


@pytest.mark.usefixtures("nan_everywhere")
@pytest.mark.parametrize("name", ["lstm", "gru", "rnn"])
def test_every_variant_in_float32(name: str, variant: str) -> None:
    for sizes in SIZES[2:]:
        sample = mild(get(name), *sizes, dtype=torch.float32)
        assert_native_is_right(get(name), sample, 2, lengths=some_lengths(*sizes[:2]))
    assert compiled(get(name), bias=True, mask=False).library.variant == variant


@pytest.mark.usefixtures("nan_everywhere")
@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("sizes", [*SIZES[2:], (3, 1, 7, 1), (40, 17, 3, 6), (33, 2, 8, 16)], ids=str)
def test_every_number_of_threads(sizes: tuple[int, int, int, int], threads: int) -> None:
    for name in ("lstm", "gru"):
        assert_native_is_right(get(name), mild(get(name), *sizes), threads)


@pytest.mark.usefixtures("nan_everywhere")
@pytest.mark.parametrize("vocabulary", [4, 90], ids=["projected", "looked-up"])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_tokens(threads: int, vocabulary: int, variant: str) -> None:
    cell, sample = get("gru"), draw(get("gru"), 7, 5, 17, 31)
    tokens = torch.arange(35).reshape(7, 5).mul(11).remainder(vocabulary)
    table = torch.linspace(-1, 1, vocabulary * 17, dtype=torch.float64).sin().reshape(vocabulary, 17)

    def found(engine: str) -> Answer:
        leaf: Tensor = table.clone().requires_grad_()
        weights, lengths = CellWeights(**sample.weights), torch.tensor(some_lengths(7, 5))
        y, last = unroll(cell, weights, Embedded(tokens, leaf), sample.state, lengths=lengths, engine=engine)
        return gradients(Sample(sample.weights, leaf, sample.state), {"y": y, "last": last[0]})

    assert compiled(cell, bias=True, mask=False).library.variant == variant
    torch.set_num_threads(1)
    expected = found("reference")
    torch.set_num_threads(threads)
    assert_same(found("native"), expected)
