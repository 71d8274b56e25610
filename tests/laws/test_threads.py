from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from recurra.cells.definition import Cell
from recurra.engines.native import library
from recurra.engines.request import CellWeights
from recurra.recurrence import unroll, unroll_both
from tests.laws.law_cases import answer, assert_same, draw, every_pair, largest


@pytest.fixture
def threads_restored() -> Iterator[None]:
    """Teams of as many threads as are asked for, whatever this machine has, and then as before."""
    before = torch.get_num_threads()
    native = [library.load().c] if library.why_missing() is None else []
    for core in native:
        core.recurra_threads_as_asked(1)
    yield
    for core in native:
        core.recurra_threads_as_asked(0)
    torch.set_num_threads(before)


# A BLAS splits a product among its threads and sums the edges of a part in another order than its middle. So no sum of
# float32 numbers has the same last bits for 1 and 3 threads; what it may lose is a share of the largest one, not of
# itself, for it may be a small difference of large numbers. Measured: 1.3e-6 and 0.
SHARE = {torch.float32: 1e-5, torch.float64: 1e-14}


@pytest.mark.usefixtures("threads_restored")
@pytest.mark.parametrize("dtype", SHARE, ids=str)
@every_pair
def test_the_answer_is_the_same_for_any_number_of_threads(cell: Cell, engine: str, dtype: torch.dtype) -> None:
    sample = draw(cell, batch=33, time=2, inputs=40, hidden=64, dtype=dtype)
    answers = []
    for count in (1, 2, 2, 3):
        torch.set_num_threads(count)
        answers.append(answer(cell, engine, sample, lengths=[1 + i % 2 for i in range(33)]))
    one, two, two_again, three = answers
    assert_same(two_again, two, exact=True)
    for other in (two, three):
        for name, value in other.items():
            atol = SHARE[dtype] * largest(one, name)
            torch.testing.assert_close(value, one[name], rtol=0, atol=atol, msg=lambda m, name=name: f"{name}: {m}")


@pytest.mark.usefixtures("threads_restored")
@every_pair
def test_the_number_of_threads_may_change_between_forward_and_backward(cell: Cell, engine: str) -> None:
    sample = draw(cell, batch=33, time=3, hidden=16)
    weights = CellWeights(**sample.weights)
    gradients = []
    for after in (2, 1, 3):
        torch.set_num_threads(2)
        y, _ = unroll(cell, weights, sample.x, sample.state, engine=engine)
        torch.set_num_threads(after)
        gradients.append(torch.autograd.grad(y.square().sum(), sample.x)[0])
    for other in gradients[1:]:
        torch.testing.assert_close(other, gradients[0], rtol=1e-10, atol=1e-12)


@pytest.mark.usefixtures("threads_restored")
@every_pair
def test_both_directions_are_the_same_for_any_number_of_threads(cell: Cell, engine: str) -> None:
    """Of an even number each direction has a half, of an odd one all, one after the other."""
    sample = draw(cell, batch=5, time=3, inputs=7, hidden=40)
    back = draw(cell, batch=5, time=3, inputs=7, hidden=40, seed=3)
    weights = CellWeights(**sample.weights), CellWeights(**back.weights)
    leaves = [sample.x, *sample.state, *back.state, *sample.weights.values(), *back.weights.values()]
    found = []
    for forward, backward in ((1, 1), (2, 2), (3, 3), (4, 4), (4, 1), (1, 4)):
        torch.set_num_threads(forward)
        y, last = unroll_both(
            cell,
            weights,
            sample.x,
            (sample.state, back.state),
            lengths=torch.tensor([3, 1, 2, 3, 3]),
            engine=engine,
        )
        torch.set_num_threads(backward)
        cost = y.square().sum() + torch.stack([s.sin().sum() for states in last for s in states]).sum()
        found.append([y, *torch.autograd.grad(cost, leaves, allow_unused=True, materialize_grads=True)])
    for other in found[1:]:
        for own, expected in zip(other, found[0], strict=True):
            torch.testing.assert_close(own, expected, rtol=1e-10, atol=1e-12)
