"""What a layer gives out may be changed in place, with the gradient of the same change on a copy, as of torch.nn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from recurra.layers.dropins import GRU, LSTM, RNN
from recurra.layers.stack import Stack


def zero_first(y: Tensor, h: Tensor) -> None:
    y[0] = 0


def scale(y: Tensor, h: Tensor) -> None:
    y.mul_(2)


def rectify(y: Tensor, h: Tensor) -> None:
    nn.functional.relu(y, inplace=True)


def change_state(y: Tensor, h: Tensor) -> None:
    h[0] = 0


def change_both(y: Tensor, h: Tensor) -> None:
    y[:, 1:].add_(h.sum())
    h.mul_(3)


CHANGES = (zero_first, scale, rectify, change_state, change_both)


def changed(
    layer: nn.Module, x: Tensor, change: Callable[[Tensor, Tensor], None], *, copied: bool
) -> tuple[Tensor, ...]:
    """Outputs, states and all gradients."""
    x = x.detach().requires_grad_()
    y, hx = layer(x)
    states = hx if isinstance(hx, tuple) else (hx,)
    if copied:
        y, states = y.clone(), tuple(s.clone() for s in states)
    change(y, states[-1])
    total = y.square().sum() + sum((s * 3).square().sum() for s in states)
    found = torch.autograd.grad(total, [x, *layer.parameters()])
    return (y.detach(), *(s.detach() for s in states), *found)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("engine", ["auto", "reference"])
@pytest.mark.parametrize("kind", [RNN, LSTM, GRU, "coupled-lstm"], ids=["rnn", "lstm", "gru", "coupled-lstm"])
def test_outputs_and_states_take_changes_in_place(kind: Any, engine: str, change: Any) -> None:
    for settings in ({}, {"num_layers": 2, "bidirectional": True}):
        if isinstance(kind, str):
            layer: nn.Module = Stack(3, 5, cell=kind, engine=engine, **settings)
        else:
            layer = kind(3, 5, engine=engine, **settings)
        x = torch.randn(4, 6, 3)
        for a, b in zip(changed(layer, x, change, copied=False), changed(layer, x, change, copied=True), strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=0)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("shape", [(4, 6, 3), (6, 3)], ids=["batch", "one sequence"])
def test_without_gradients(change: Any, shape: tuple[int, ...]) -> None:
    layer, x = GRU(3, 5), torch.randn(shape)
    with torch.no_grad():
        y, h = layer(x)
        own, same = (y.clone(), h.clone()), (y, h)
        change(*same)
        change(*own)
        assert all(torch.equal(a, b) for a, b in zip(own, same, strict=True))


@pytest.mark.parametrize("change", [zero_first, change_both])
def test_compiled(change: Any) -> None:
    for kind in (GRU, LSTM):
        layer, x = kind(3, 5), torch.randn(4, 6, 3)
        compiled = torch.compile(layer, backend="aot_eager")
        for a, b in zip(
            changed(compiled, x, change, copied=False), changed(layer, x, change, copied=True), strict=True
        ):
            torch.testing.assert_close(a, b)


@pytest.mark.parametrize("engine", ["auto", "reference", "vendor"])
def test_a_change_of_the_last_state_leaves_the_one_given_as_it_was(engine: str) -> None:
    layer, hx = GRU(3, 5, engine=engine), torch.randn(1, 4, 5)
    before = hx.clone()
    with torch.no_grad():
        _, h = layer(torch.randn(6, 4, 3), hx)
        h.zero_()
    assert torch.equal(hx, before)
