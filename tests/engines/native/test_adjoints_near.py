"""Each thread takes its rows' adjoints on while they are near, into sums of its own: the gradients are the same."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
import torch
from torch import Tensor

from recurra.cells.catalogue import get
from recurra.engines.native import library
from recurra.engines.request import CellWeights, Embedded
from recurra.recurrence import unroll
from tests.fuzz.engine_cases import Case
from tests.fuzz.engine_checks import check, using
from tests.laws.law_cases import Answer, Sample, answer, assert_same, draw, gradients

VARIANTS = sorted(set(library.variants()) | set(library.emulated()))
LENGTHS = [60, 50, 60, 1, 60, 59, 48, 60, 33]
FEW_STEPS = [1 + 5 * i % 12 for i in range(66)]

CASES = {  # cell, batch, steps, inputs, units, lengths, reverse, threads
    "step by step": ("rnn", 40, 10, 20, 24, None, False, 2),
    "ragged": ("gru", 66, 12, 33, 20, FEW_STEPS, True, 2),
    "one thread": ("lstm", 19, 11, 5, 33, None, False, 1),
    "many rows": ("ctrnn", 70, 6, 16, 17, None, False, 1),
    "in blocks": ("qrnn", 9, 60, 16, 40, LENGTHS, True, 2),
    "rows alone": ("indrnn", 10, 50, 32, 128, None, False, 2),
    "ragged rows alone": ("min-lstm", 9, 60, 20, 128, LENGTHS, False, 2),
    "long rows alone": ("sru", 2, 210, 16, 128, None, True, 1),
    "rows summed": ("gru-layernorm", 40, 10, 12, 20, None, False, 2),
}


def sample_of(case: str) -> tuple[Sample, dict[str, object]]:
    name, batch, steps, inputs, units, lengths, reverse, _ = CASES[case]
    return draw(get(name), batch, steps, inputs, units), {"lengths": lengths, "reverse": reverse}


@cache
def expected(case: str) -> Answer:
    sample, given = sample_of(case)
    return answer(get(CASES[case][0]), "reference", sample, **given)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_answer_is_the_reference_s(variant: str) -> None:
    for case, (name, *_, threads) in CASES.items():
        sample, given = sample_of(case)
        with using(variant, threads=threads):
            assert_same(answer(get(name), "native", sample, **given), expected(case))


@pytest.mark.parametrize("variant", VARIANTS)
def test_tokens_of_a_large_table(variant: str) -> None:
    def found(engine: str) -> Answer:
        sample = draw(get("rnn"), 40, 10, 8, 24)
        generator = torch.Generator().manual_seed(1)
        tokens = torch.randint(900, (40, 10), generator=generator)
        table = torch.randn(900, 8, generator=generator, dtype=torch.float64).requires_grad_()
        y, last = unroll(
            get("rnn"), CellWeights(**sample.weights), Embedded(tokens, table), sample.state, engine=engine
        )
        return gradients(Sample(sample.weights, table, sample.state), {"y": y, "last": last[0]})

    with using(variant, threads=2):
        assert_same(found("native"), found("reference"))


@pytest.mark.parametrize("variant", VARIANTS)
def test_bfloat16_as_few_rows_at_a_time_add_up_to(variant: str) -> None:
    """Few rows are not worth sums of their own; the products' operands are rounded alike either way."""
    sample = draw(get("rnn"), 30, 8, 20, 24, dtype=torch.float32)
    weights = list(sample.weights.values())

    def found(rows: slice) -> list[Tensor]:
        part = Sample(sample.weights, sample.x.detach()[rows].requires_grad_(), (sample.state[0].detach()[rows],))
        with torch.autocast("cpu", torch.bfloat16):
            y, _ = unroll(get("rnn"), CellWeights(**part.weights), part.x, part.state, engine="native")
        return list(torch.autograd.grad(y.float().square().sum(), [*weights, part.x]))

    with using(variant, threads=1):
        *whole, d_x = found(slice(None))
        parts = [found(slice(i, i + 10)) for i in range(0, 30, 10)]
    added = [torch.stack(list(of_one)).sum(0) for of_one in zip(*(p[:-1] for p in parts), strict=True)]
    for got, other in zip([*whole, d_x], [*added, torch.cat([p[-1] for p in parts])], strict=True):
        torch.testing.assert_close(got, other, rtol=0, atol=1e-5 * float(other.abs().max()))


ONE_ROW = Case(
    variant="", threads=1, cell="rnn", kind="float32", batch=1, time=129, inputs=3, hidden=14, vocabulary=0,
    lengths="none", reverse=False, bias=True, masked=False, state=False, layouts=("rows",) * 8, loss="all",
    wanted="weights", path="eager", numbers=1,
)  # fmt: skip


@pytest.mark.parametrize("kind", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_few_rows_after_many_do_not_reach_into_the_next_block(variant: str, kind: str) -> None:
    """Adjoints are packed 64 rows at a time by whole vectors, wider than a block of 7, 3 or 1 columns."""
    for hidden in (13, 14, 15):
        for steps in (129, 130, 131, 193):
            check(replace(ONE_ROW, variant=variant, kind=kind, hidden=hidden, time=steps))
