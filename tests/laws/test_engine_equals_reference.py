from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from recurra.cells.definition import Cell
from recurra.engines.choose import ENGINES
from recurra.engines.request import CellWeights, Request
from recurra.recurrence import unroll
from tests.laws.law_cases import (
    TOLERANCE,
    Answer,
    Sample,
    answer,
    assert_same,
    draw,
    every_cell,
    every_pair,
    every_pair_but_reference,
    every_pair_with_masks,
    gradients,
)

RAGGED = [6, 1, 4, 3]


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("lengths", [None, RAGGED, [6, 6, 6, 6], [2, 1, 3, 2]], ids=str)
@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@every_pair_but_reference
def test_engine_equals_reference(cell: Cell, engine: str, reverse: bool, lengths, dtype: torch.dtype) -> None:
    sample = draw(cell, dtype=dtype)
    found = answer(cell, engine, sample, lengths=lengths, reverse=reverse)
    assert_same(found, answer(cell, "reference", sample, lengths=lengths, reverse=reverse))
    assert {v.dtype for v in found.values()} == {dtype}


@pytest.mark.parametrize(
    "sizes", [(1, 1, 1, 1), (1, 9, 1, 1), (3, 1, 7, 1), (2, 5, 1, 9), (7, 3, 17, 13), (5, 2, 33, 31)], ids=str
)
@every_pair_but_reference
def test_at_odd_sizes(cell: Cell, engine: str, sizes: tuple[int, int, int, int]) -> None:
    sample = draw(cell, *sizes)
    lengths = [1 + (3 * i) % sizes[1] for i in range(sizes[0])]
    for reverse in (False, True):
        given = {"lengths": lengths, "reverse": reverse}
        assert_same(answer(cell, engine, sample, **given), answer(cell, "reference", sample, **given))


@every_pair_but_reference
def test_without_bias(cell: Cell, engine: str) -> None:
    sample = draw(cell, bias=False)
    assert not {"bias_ih", "bias_hh"} & sample.weights.keys()
    found = answer(cell, engine, sample, lengths=RAGGED)
    assert_same(found, answer(cell, "reference", sample, lengths=RAGGED))


def deep(cell: Cell, engine: str, lengths: list[int] | None) -> Answer:
    """Two layers, two directions, out of four runs."""
    samples = [draw(cell, inputs=width, seed=seed) for seed, width in enumerate((3, 3, 10, 10))]
    leaves = {f"{n} {i}": w for i, s in enumerate(samples) for n, w in s.weights.items()}
    x, states = samples[0].x, []
    for layer in (0, 1):
        outputs = []
        for direction in (0, 1):
            sample = samples[2 * layer + direction]
            y, last = unroll(
                cell,
                CellWeights(**sample.weights),
                x,
                sample.state,
                lengths=None if lengths is None else torch.tensor(lengths),
                reverse=direction == 1,
                engine=engine,
            )
            outputs.append(y)
            states += last
        x = torch.cat(outputs, -1)
    whole = Sample(leaves, samples[0].x, tuple(v for s in samples for v in s.state))
    return gradients(whole, {"y": x} | {f"last {i}": s for i, s in enumerate(states)})


@pytest.mark.parametrize("lengths", [None, RAGGED], ids=str)
@every_pair_but_reference
def test_two_layers_two_directions(cell: Cell, engine: str, lengths) -> None:
    assert_same(deep(cell, engine, lengths), deep(cell, "reference", lengths))


@every_pair
def test_strides_do_not_matter(cell: Cell, engine: str) -> None:
    sample = draw(cell, batch=4, time=6, inputs=3, hidden=5)
    plain = answer(cell, engine, sample, lengths=RAGGED)
    turned = sample.x.detach().permute(2, 0, 1).contiguous().permute(1, 2, 0).requires_grad_()
    state = tuple(s.detach().T.contiguous().T.requires_grad_() for s in sample.state)
    weights = {n: w.detach().repeat_interleave(2, 0)[::2].requires_grad_() for n, w in sample.weights.items()}
    assert not turned.is_contiguous()
    assert_same(answer(cell, engine, Sample(weights, turned, state), lengths=RAGGED), plain)


@every_pair
def test_expanded_inputs(cell: Cell, engine: str) -> None:
    sample = draw(cell)
    x, state = sample.x.detach()[:1, :1], tuple(s.detach()[:1] for s in sample.state)
    given = (x.expand(4, 6, -1), tuple(s.expand(4, -1) for s in state))
    weights = CellWeights(**sample.weights)
    y, last = unroll(cell, weights, *given, engine=engine)
    again, last_again = unroll(
        cell, weights, given[0].contiguous(), tuple(s.contiguous() for s in given[1]), engine=engine
    )
    for one, other in zip((y, *last), (again, *last_again), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("lengths", [None, RAGGED], ids=["full", "ragged"])
@every_pair_with_masks
def test_with_a_recurrent_mask(cell: Cell, engine: str, lengths: list[int] | None) -> None:
    mask = torch.tensor([[2.0, 0.0, 2.0, 2.0, 0.0]] * 2 + [[0.0] * 5, [2.0] * 5], dtype=torch.float64)
    sample, given = draw(cell), {"recurrent_mask": mask, "lengths": lengths}
    found = answer(cell, engine, sample, **given)
    assert_same(found, answer(cell, "reference", sample, **given))
    same = torch.equal(found["y"], answer(cell, engine, sample, lengths=lengths)["y"])
    assert same == ("weight_hh" not in sample.weights), "a mask is of the operands of recurrent products"


@pytest.mark.parametrize("where", ["weight_ih", "weight_hh", "bias_ih", "bias_hh"])
@every_pair_but_reference
def test_nan_passes_through(cell: Cell, engine: str, where: str) -> None:
    """NaN in a weight is NaN in the same outputs and gradients."""
    sample = draw(cell)
    if where not in sample.weights:
        pytest.skip(f"{cell.name} has no {where}")
    with torch.no_grad():
        sample.weights[where].view(-1)[0] = torch.nan
    found, expected = answer(cell, engine, sample), answer(cell, "reference", sample)
    assert found["y"].isnan().any()
    for part, value in expected.items():
        torch.testing.assert_close(found[part].isnan(), value.isnan(), msg=part)


@every_pair
def test_gradients_share_no_memory(cell: Cell, engine: str) -> None:
    """Both biases of a gate have equal gradients; clipping one in place must not change the other."""
    sample = draw(cell)
    y, _ = unroll(cell, CellWeights(**sample.weights), sample.x, sample.state, engine=engine)
    y.sum().backward()
    leaves = [sample.x, *sample.state, *sample.weights.values()]
    parts = sorted((g.data_ptr(), g.nbytes) for leaf in leaves if (g := leaf.grad) is not None)
    assert all(start + size <= after for (start, size), (after, _) in pairwise(parts))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
@every_cell
def test_an_empty_batch(cell: Cell, dtype: torch.dtype) -> None:
    sample = draw(cell, batch=0, dtype=dtype)
    for engine in that_can(cell, sample):
        found = answer(cell, engine, sample, lengths=[])
        assert found["y"].shape == (0, 6, 5)
        assert all(found[f"last {name}"].shape == (0, 5) for name in cell.states)
        for name, weight in sample.weights.items():
            assert torch.equal(found[f"d {name}"], torch.zeros_like(weight)), (engine, name)


def that_can(cell: Cell, sample: Sample) -> list[str]:
    """Those that take this sample; "auto" is among them."""
    request = Request(cell, CellWeights(**sample.weights), sample.x, sample.state)
    return ["auto", *(e.name for e in ENGINES if e.why_not(request) is None)]


@every_pair
def test_the_state_starts_from_zero_if_none_is_given(cell: Cell, engine: str) -> None:
    sample = draw(cell)
    weights, zeros = CellWeights(**sample.weights), tuple(torch.zeros_like(s) for s in sample.state)
    y, _ = unroll(cell, weights, sample.x, engine=engine)
    assert torch.equal(y, unroll(cell, weights, sample.x, zeros, engine=engine)[0])
