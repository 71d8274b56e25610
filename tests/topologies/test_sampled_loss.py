"""The loss over a sample is its formula, and so are its gradients, in however many chunks of rows."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from recurra.topologies import linear_loss
from recurra.topologies.sampled_loss import Sample, sampled_cross_entropy

FREQUENT, COUNT, WIDTH = 10, 60, 6


def _given(dtype: torch.dtype = torch.float64) -> tuple[list[Tensor], Tensor, Sample]:
    """y, weight and bias; targets of all kinds: frequent, drawn, neither, and some twice."""
    torch.manual_seed(0)
    parts = [torch.randn(*shape, dtype=dtype) for shape in ((200, WIDTH), (COUNT, WIDTH), (COUNT,))]
    ids = torch.cat([torch.arange(FREQUENT), torch.tensor([11, 17, 30, 42, 59])])
    counts = torch.cat([torch.ones(FREQUENT), torch.full((5,), 10.0)])
    return [part.requires_grad_() for part in parts], torch.randint(COUNT, (200,)), Sample(ids, counts, FREQUENT)


def _plain(y: Tensor, weight: Tensor, bias: Tensor, targets: Tensor, sample: Sample) -> Tensor:
    losses = []
    for row, target in zip(y, targets.tolist(), strict=True):
        logits = weight @ row + bias
        others = [count * logits[i].exp() for i, count in zip(sample.ids, sample.counts, strict=True) if i != target]
        losses.append((logits[target].exp() + sum(others)).log() - logits[target])
    return torch.stack(losses).mean()


@pytest.mark.parametrize("rows", [64, 1000])
@pytest.mark.parametrize("targets", ["all", "frequent", "rare"])
def test_loss_and_gradients_are_those_of_the_formula(monkeypatch: pytest.MonkeyPatch, rows: int, targets: str) -> None:
    monkeypatch.setattr(linear_loss, "CHUNK_VALUES", rows * (FREQUENT + 5))
    parts, wanted, sample = _given()
    wanted = {"all": wanted, "frequent": wanted % FREQUENT, "rare": FREQUENT + wanted % (COUNT - FREQUENT)}[targets]
    found, expected = (f(*parts, wanted, sample) for f in (sampled_cross_entropy, _plain))
    torch.testing.assert_close(found, expected, rtol=1e-7, atol=1e-7)
    pairs = zip(*(torch.autograd.grad(3 * loss, parts) for loss in (found, expected)), strict=True)
    for one, other in pairs:
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-9)


def test_without_a_gradient_it_is_the_same() -> None:
    parts, targets, sample = _given(torch.float32)
    with torch.no_grad():
        found = sampled_cross_entropy(*parts, targets, sample)
    torch.testing.assert_close(found, sampled_cross_entropy(*parts, targets, sample))


@pytest.mark.parametrize("lower", [torch.bfloat16, torch.float16])
def test_under_autocast_products_alone_are_of_halves(lower: torch.dtype) -> None:
    parts, targets, sample = _given(torch.float32)
    expected = sampled_cross_entropy(*parts, targets, sample)
    with torch.autocast("cpu", lower):
        found = sampled_cross_entropy(*parts, targets, sample)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, rtol=1e-2, atol=1e-2)
    for one, other in zip(*(torch.autograd.grad(loss, parts) for loss in (found, expected)), strict=True):
        assert one.dtype == torch.float32
        assert float((one - other).norm() / other.norm()) < 0.02


def test_logits_far_apart_overflow_nothing() -> None:
    parts, targets, sample = _given(torch.float32)
    loss = sampled_cross_entropy(1000 * parts[0], *parts[1:], targets, sample)
    assert all(grad.isfinite().all() for grad in torch.autograd.grad(loss, parts))
