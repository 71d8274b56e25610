from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from recurra.topologies import linear_loss
from recurra.topologies.linear_loss import linear_costs, linear_cross_entropy


@pytest.fixture(autouse=True)
def even_few_are_chunked(monkeypatch):
    monkeypatch.setattr(linear_loss, "FEW_VALUES", 0)
    monkeypatch.setattr(linear_loss, "LEAST_ROWS", 1)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("chunk", [1, 70, 1 << 21])
def test_loss_and_gradients_are_those_of_plain_cross_entropy(monkeypatch, smoothing, chunk):
    monkeypatch.setattr(linear_loss, "CHUNK_VALUES", chunk)
    torch.manual_seed(0)
    x, weight, bias = (torch.randn(s, dtype=torch.float64, requires_grad=True) for s in ((11, 5), (23, 5), (23,)))
    targets = torch.randint(23, (11,))
    ours = linear_cross_entropy(x, weight, bias, targets, smoothing=smoothing)
    plain = functional.cross_entropy(functional.linear(x, weight, bias), targets, label_smoothing=smoothing)
    torch.testing.assert_close(ours, plain)
    for a, b in zip(
        torch.autograd.grad(3 * ours, (x, weight, bias)), torch.autograd.grad(3 * plain, (x, weight, bias)), strict=True
    ):
        torch.testing.assert_close(a, b)


def test_gradients_that_are_not_asked_for_and_a_second_pass():
    torch.manual_seed(0)
    x, weight, bias = torch.randn(9, 4, requires_grad=True), torch.randn(7, 4), torch.randn(7)
    targets = torch.randint(7, (9,))
    loss = linear_cross_entropy(x, weight, bias, targets)
    first, second = (torch.autograd.grad(loss, x, retain_graph=True)[0] for _ in range(2))
    assert torch.equal(first, second)
    torch.testing.assert_close(first, torch.autograd.grad(functional.cross_entropy(x @ weight.T + bias, targets), x)[0])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_few_go_through_plain_cross_entropy_in_their_own_precision(monkeypatch, dtype):
    torch.manual_seed(0)
    x, weight, bias, targets = torch.randn(9, 4), torch.randn(7, 4), torch.randn(7), torch.randint(7, (9,))
    x, weight, bias = (each.to(dtype).requires_grad_() for each in (x, weight, bias))
    chunked = linear_cross_entropy(x, weight, bias, targets, smoothing=0.1)
    monkeypatch.setattr(linear_loss, "FEW_VALUES", 1 << 17)
    few = linear_cross_entropy(x, weight, bias, targets, smoothing=0.1)
    assert few.dtype == dtype
    torch.testing.assert_close(few, chunked)
    for a, b in zip(
        torch.autograd.grad(few, (x, weight, bias)), torch.autograd.grad(chunked, (x, weight, bias)), strict=True
    ):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("chunk", [1, 70, 1 << 21])
def test_costs_are_those_that_the_loss_is_the_mean_of(monkeypatch, chunk):
    monkeypatch.setattr(linear_loss, "CHUNK_VALUES", chunk)
    torch.manual_seed(0)
    x, weight, bias, targets = (
        torch.randn(9, 4, requires_grad=True),
        torch.randn(7, 4),
        torch.randn(7),
        torch.arange(9) % 7,
    )
    costs = linear_costs(x, weight, bias, targets)
    assert not costs.requires_grad
    plain = functional.cross_entropy(functional.linear(x, weight, bias), targets, reduction="none")
    torch.testing.assert_close(costs, plain.detach())
    assert linear_costs(x[:0], weight, bias, targets[:0]).shape == (0,)


def test_large_logits_do_not_overflow():
    x, weight = torch.full((2, 1), 1e4), torch.tensor([[1.0], [-1.0], [0.5]])
    loss = linear_cross_entropy(x, weight, torch.zeros(3), torch.tensor([0, 1]))
    assert loss.item() == pytest.approx(1e4)


def test_without_gradients_it_is_the_same_number():
    torch.manual_seed(0)
    x, weight, bias, targets = torch.randn(9, 4), torch.randn(7, 4), torch.randn(7), torch.randint(7, (9,))
    with torch.no_grad():
        quiet = linear_cross_entropy(x, weight, bias, targets, smoothing=0.2)
    assert quiet == linear_cross_entropy(x.requires_grad_(), weight, bias, targets, smoothing=0.2)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("chunk", [70, 1 << 21])
def test_under_autocast_products_are_rounded_and_nothing_else(monkeypatch, smoothing, chunk):
    monkeypatch.setattr(linear_loss, "CHUNK_VALUES", chunk)
    torch.manual_seed(0)
    x, weight, bias = (torch.randn(s, requires_grad=True) for s in ((40, 8), (23, 8), (23,)))
    targets, found = torch.randint(23, (40,)), []
    with torch.autocast("cpu", torch.bfloat16):
        for each in (x, x.bfloat16()):
            loss = linear_cross_entropy(each, weight, bias, targets, smoothing=smoothing)
            assert loss.dtype == torch.float32
            found.append([loss, *torch.autograd.grad(loss, (x, weight, bias))])
        logits = functional.linear(x, weight, bias).float()
        loss = functional.cross_entropy(logits, targets, label_smoothing=smoothing)
        due = [loss, *torch.autograd.grad(loss, (x, weight, bias))]
    for one in found:
        for got, wanted in zip(one, due, strict=True):
            assert got.dtype == wanted.dtype
            torch.testing.assert_close(got, wanted, rtol=0, atol=1e-2 * wanted.abs().max().item())
    with torch.autocast("cpu", torch.bfloat16):  # nothing is rounded where autocast rounds nothing
        wide = [each.detach().double().requires_grad_() for each in (x, weight, bias)]
        loss = linear_cross_entropy(*wide, targets, smoothing=smoothing)
    exact = functional.cross_entropy(functional.linear(*wide), targets, label_smoothing=smoothing)
    torch.testing.assert_close(loss, exact)
