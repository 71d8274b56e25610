"""Wide rows of many steps run one by one where nothing in a step reads whole rows: the answers are the same."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from torch import Tensor

from recurra.cells.catalogue import get
from recurra.engines.native import library
from recurra.engines.request import CellWeights, Embedded
from recurra.recurrence import unroll
from tests.fuzz.engine_checks import using
from tests.laws.law_cases import Answer, Sample, answer, assert_same, draw, gradients

VARIANTS = sorted(set(library.variants()) | set(library.emulated()))

CASES = {  # cell, batch, inputs, units, lengths, reverse, threads
    "whole": ("min-gru", 7, 16, 128, None, False, 2),
    "ragged": ("sru", 5, 20, 131, [50, 1, 49, 7, 48], False, 1),
    "reverse": ("indrnn", 6, 32, 128, [3, 50, 50, 1, 20, 48], True, 2),
}


def sample_of(case: str, layout: str) -> tuple[Sample, dict[str, object]]:
    name, batch, inputs, units, lengths, reverse, _ = CASES[case]
    sample = draw(get(name), batch, 50, inputs, units)
    if layout == "steps first":
        sample = sample.with_x(sample.x.detach().transpose(0, 1).contiguous().transpose(0, 1))
    return sample, {"lengths": lengths, "reverse": reverse}


@cache
def expected(case: str) -> Answer:
    sample, given = sample_of(case, "rows first")
    return answer(get(CASES[case][0]), "reference", sample, **given)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_answer_is_the_reference_s(variant: str) -> None:
    for case, (name, *_, threads) in CASES.items():
        for layout in ("rows first", "steps first"):
            sample, given = sample_of(case, layout)
            with using(variant, threads=threads):
                assert_same(answer(get(name), "native", sample, **given), expected(case))


@pytest.mark.parametrize("vocabulary", [5, 400])
@pytest.mark.parametrize("variant", VARIANTS)
def test_tokens(variant: str, vocabulary: int) -> None:
    """A table that is projected once, and one that has more rows than there are tokens."""

    def found(engine: str) -> Answer:
        sample = draw(get("min-gru"), 6, 50, 8, 128)
        generator = torch.Generator().manual_seed(1)
        tokens = torch.randint(vocabulary, (6, 50), generator=generator)
        table = torch.randn(vocabulary, 8, generator=generator, dtype=torch.float64).requires_grad_()
        x: Tensor | Embedded = Embedded(tokens, table)
        y, last = unroll(get("min-gru"), CellWeights(**sample.weights), x, sample.state, engine=engine)
        return gradients(Sample(sample.weights, table, sample.state), {"y": y, "last": last[0]})

    with using(variant, threads=2):
        assert_same(found("native"), found("reference"))


@pytest.mark.parametrize("variant", VARIANTS)
def test_gradients_that_lie_unevenly_or_in_one_place(variant: str) -> None:
    """What comes back into the outputs: one number for all, every other unit's, rows in another order, nothing."""
    cell, sample = get("min-gru"), draw(get("min-gru"), 6, 50, 16, 128)
    one = torch.ones((), dtype=torch.float64)
    wide = torch.randn(6, 50, 256, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    incoming = [one.expand(6, 50, 128), wide[..., ::2], wide[:, :, :128].flip(1), wide[..., 64:192], None]
    leaves = [sample.x, *sample.state, *sample.weights.values()]

    def found(engine: str) -> list[tuple[Tensor, ...]]:
        y, (last,) = unroll(cell, CellWeights(**sample.weights), sample.x, sample.state, engine=engine)
        pairs = [([y], [d]) if d is not None else ([last], [torch.ones_like(last)]) for d in incoming]
        return [torch.autograd.grad(r, leaves, d, retain_graph=True) for r, d in pairs]

    with using(variant, threads=2):
        got = found("native")
    for own, theirs in zip(got, found("reference"), strict=True):
        for a, b in zip(own, theirs, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-11)
