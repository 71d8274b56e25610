"""Layers without a state to begin from take a way of their own, with the same results, bit for bit."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from recurra import recurrence
from recurra.engines import choose
from recurra.engines.native import library
from recurra.engines.reference import Reference
from recurra.engines.request import Embedded, Request
from recurra.errors import ShapeError
from recurra.layers.stack import Stack

B, T, I, H = 3, 5, 4, 6  # noqa: E741

pytestmark = pytest.mark.skipif(not library.built(), reason="the core is not built")


def _results(layers: Stack, state: Sequence[Tensor] | None, *, tokens: bool, lengths: Tensor | None) -> list[Tensor]:
    torch.manual_seed(2)
    leaf = torch.randn((7, I) if tokens else (B, T, I), dtype=layers.weights().weight_ih.dtype).requires_grad_()
    x = Embedded(torch.randint(0, 7, (B, T)), leaf) if tokens else leaf
    y, last = layers(x, state, lengths=lengths)
    total = (y * torch.randn_like(y)).sum() + sum((s * torch.randn_like(s)).sum() for s in last)
    return [y, *last, *torch.autograd.grad(total, [leaf, *layers.parameters()])]


@pytest.mark.parametrize("cell", ["lstm", "gru-layernorm", "slstm", "fast-grnn", "rg-lru", "lstm-projected"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("tokens", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_same_as_zeros_that_are_given(cell: str, bidirectional: bool, tokens: bool, dtype: torch.dtype) -> None:
    size = 2 if cell == "lstm-projected" else 0
    layers = Stack(I, H, 1, cell=cell, bidirectional=bidirectional, proj_size=size, dtype=dtype)
    zeros = layers.initial_state(B)
    for lengths in (None, torch.tensor([5, 2, 1])):
        found = _results(layers, None, tokens=tokens, lengths=lengths)
        expected = _results(layers, zeros, tokens=tokens, lengths=lengths)
        assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


@pytest.mark.parametrize("bidirectional", [False, True])
def test_no_request_is_made(monkeypatch: pytest.MonkeyPatch, bidirectional: bool) -> None:
    def refuse(*_args: object) -> None:
        raise AssertionError("a request was made")

    monkeypatch.setattr(recurrence, "_request", refuse)
    layers, x = Stack(I, H, 2, cell="gru", bidirectional=bidirectional), torch.randn(B, T, I)
    layers(x)[0].sum().backward()
    with torch.no_grad():
        layers(x)
    with pytest.raises(AssertionError, match="a request was made"):
        layers(x, layers.initial_state(B))
    with pytest.raises(AssertionError, match="a request was made"), torch.autocast("cpu", torch.bfloat16):
        layers(x)


def test_an_engine_that_comes_first_is_asked_first(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    class First(Reference):
        name = "first"

        def why_not(self, request: Request) -> str | None:
            asked.append(request)
            return super().why_not(request)

    monkeypatch.setattr(choose, "ENGINES", (First(), *choose.ENGINES))
    Stack(I, H, 1, cell="gru")(torch.randn(B, T, I))
    assert len(asked) == 1


@pytest.mark.parametrize("bidirectional", [False, True])
def test_gradients_have_gradients(bidirectional: bool) -> None:
    layers = Stack(I, H, 1, cell="lstm", bidirectional=bidirectional, dtype=torch.float64)
    x = torch.randn(B, T, I, dtype=torch.float64)
    found = []
    for state in (None, layers.initial_state(B)):
        given = x.clone().requires_grad_()
        y, (h, _) = layers(given, state)
        (first,) = torch.autograd.grad((y.sin().sum() + h.cos().sum()), [given], create_graph=True)
        found.append(torch.autograd.grad(first.square().sum(), [given, *layers.parameters()]))
    assert all(torch.allclose(one, other) for one, other in zip(*found, strict=True))


def test_many_gradients_at_once() -> None:
    layers, x = Stack(I, H, 1, cell="gru", dtype=torch.float64), torch.randn(B, T, I, dtype=torch.float64)
    whole = torch.autograd.functional.jacobian(lambda given: layers(given)[0][0, -1], x)
    batched = torch.autograd.functional.jacobian(lambda given: layers(given)[0][0, -1], x, vectorize=True)
    assert torch.allclose(whole, batched)


def test_what_changes_before_backward_is_seen() -> None:
    layers, x = Stack(I, H, 1, cell="gru"), torch.randn(B, T, I)
    y = layers(x)[0]
    layers.weights().weight_hh.data = torch.zeros(3 * H, 2 * H)
    with pytest.raises(ShapeError, match="another shape or type now"):
        y.sum().backward()


def test_nothing_writes_to_the_zeros() -> None:
    layers, x = Stack(I, H, 1, cell="lstm"), torch.randn(B, T, I)
    first = layers(x)[0]
    for state in layers(x)[1]:
        state.detach().fill_(float("nan"))
    first.sum().backward()
    assert torch.equal(layers(x)[0], first)
