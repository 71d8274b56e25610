"""The highest output over time: torch's own numbers, on every way through autograd."""

from __future__ import annotations

import pytest
import torch
from torch.autograd import forward_ad

from recurra.topologies import pooling
from recurra.topologies.pooling import highest, sum_and_highest

LENGTHS = torch.tensor([7, 1, 3, 7, 5])


def of_torch(y: torch.Tensor) -> torch.Tensor:
    past = torch.arange(y.shape[1]) >= LENGTHS.unsqueeze(1)
    return y.masked_fill(past.unsqueeze(2), float("-inf")).amax(1)


def test_numbers_and_gradients_are_torchs_where_two_steps_are_as_high_too() -> None:
    y = torch.randn(5, 7, 4, dtype=torch.float64)
    y[0, 2] = y[0, 5] = 3.0
    y[1], y[2, 3:] = -1.0, 9.0
    own, other, d = y.clone().requires_grad_(), y.clone().requires_grad_(), torch.randn(5, 4, dtype=torch.float64)
    found, expected = highest(own, LENGTHS), of_torch(other)
    assert torch.equal(found, expected)
    found.backward(d)
    expected.backward(d)
    torch.testing.assert_close(own.grad, other.grad, rtol=1e-15, atol=0)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")  # torch's own, of forward mode
def test_what_watches_sees_the_same() -> None:
    y = torch.randn(5, 7, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda y: highest(y, LENGTHS), y)
    d = torch.randn(3, 5, 4, dtype=torch.float64)
    (batched,) = torch.autograd.grad(highest(y, LENGTHS), y, d, is_grads_batched=True)
    one_by_one = [torch.autograd.grad(highest(y, LENGTHS), y, part)[0] for part in d]
    torch.testing.assert_close(batched, torch.stack(one_by_one))
    transformed = torch.func.grad(lambda y: highest(y, LENGTHS).sum())(y.detach())
    torch.testing.assert_close(transformed, torch.autograd.grad(highest(y, LENGTHS).sum(), y)[0])
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(y.detach(), torch.ones_like(y))
        assert torch.equal(forward_ad.unpack_dual(highest(dual, LENGTHS)).tangent, torch.ones_like(d[0]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_step_by_step_where_nothing_is_learned(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    y = torch.randn(5, 7, 3, dtype=dtype)
    y[1, 2, 0], y[2, 6, 1] = float("nan"), float("nan")
    lengths = torch.tensor([7, 3, 6, 1, 7])
    expected = highest(y, lengths)
    monkeypatch.setattr(pooling, "LARGE", 1)
    with torch.inference_mode():
        found = highest(y, lengths)
    torch.testing.assert_close(found, expected, rtol=0, atol=0, equal_nan=True)
    assert torch.equal(highest(y[3:, :1], lengths[3:] * 0 + 1), y[3:, 0])
    learned = y.clone().requires_grad_()
    highest(learned, lengths).nansum().backward()
    assert learned.grad is not None


@pytest.mark.parametrize("lengths", [LENGTHS, torch.full((5,), 7)], ids=["ragged", "whole"])
@pytest.mark.parametrize("parts", [(True, True), (True, False), (False, True)], ids=str)
def test_with_the_sum_it_is_torchs_two(lengths: torch.Tensor, parts: tuple[bool, bool]) -> None:
    past = (torch.arange(7) >= lengths.unsqueeze(1)).unsqueeze(2)
    y = torch.randn(5, 7, 4, dtype=torch.float64).masked_fill(past, 0.0)
    y[0, 2] = y[0, 5] = 3.0
    d = torch.randn(2, 5, 4, dtype=torch.float64)
    gradients = []
    for run in (sum_and_highest, lambda y, _: (y.sum(1), y.masked_fill(past, float("-inf")).amax(1))):
        own = y.clone().requires_grad_()
        found = run(own, lengths)
        torch.testing.assert_close(found[0], y.sum(1), rtol=0, atol=0)
        torch.testing.assert_close(found[1], y.masked_fill(past, float("-inf")).amax(1), rtol=0, atol=0)
        wanted = [(f * g).sum() for f, g, part in zip(found, d, parts, strict=True) if part]
        gradients += torch.autograd.grad(torch.stack(wanted).sum(), own)
    torch.testing.assert_close(*gradients, rtol=1e-15, atol=0)
    plain, expected = sum_and_highest(y, lengths), (y.sum(1), highest(y, lengths))
    torch.testing.assert_close(plain, expected, rtol=0, atol=0)
    apart = torch.randn(5, 7, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda y: sum_and_highest(y, lengths), apart)
