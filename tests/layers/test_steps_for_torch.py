"""RNNCell, LSTMCell and GRUCell beside torch.nn's."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import nn

import recurra
from recurra.errors import ShapeError, UnknownNameError, UsageError

PAIRS = [
    ("RNNCell", {}),
    ("RNNCell", {"nonlinearity": "relu"}),
    ("LSTMCell", {}),
    ("GRUCell", {}),
]


def _tensors(found: Any) -> tuple[torch.Tensor, ...]:
    return found if isinstance(found, tuple) else (found,)


@pytest.mark.parametrize(("name", "options"), PAIRS)
@pytest.mark.parametrize(("bias", "single"), list(itertools.product((True, False), (True, False))))
def test_a_step_is_torchs_step(name: str, options: dict[str, Any], bias: bool, single: bool) -> None:
    torch.manual_seed(3)
    ours = getattr(recurra, name)(5, 7, bias=bias, dtype=torch.float64, **options)
    torch.manual_seed(3)
    theirs = getattr(nn, name)(5, 7, bias=bias, dtype=torch.float64, **options)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))
    x = torch.randn(5, dtype=torch.float64) if single else torch.randn(3, 5, dtype=torch.float64)
    mine, other = None, None
    for _ in range(3):
        mine, other = ours(x, mine), theirs(x, other)
        for a, b in zip(_tensors(mine), _tensors(other), strict=True):
            assert a.shape == b.shape
            torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)
    sum(s.square().sum() for s in _tensors(mine)).backward()
    sum(s.square().sum() for s in _tensors(other)).backward()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-10, atol=1e-12)


def test_weights_go_both_ways() -> None:
    ours, theirs = recurra.LSTMCell(4, 6), nn.LSTMCell(4, 6)
    theirs.load_state_dict(ours.state_dict())
    ours.load_state_dict(theirs.state_dict())


def test_any_cell_takes_their_place() -> None:
    step = recurra.LSTMCell(4, 6, cell="peephole-lstm", init="orthogonal")
    h, c = step(torch.randn(2, 4))
    assert h.shape == c.shape == (2, 6)
    assert step(torch.randn(2, 4), [h, c])[0].shape == (2, 6)


def test_what_does_not_fit_is_named() -> None:
    step = recurra.GRUCell(4, 6)
    with pytest.raises(ShapeError, match=r"\[B, 4\] or \[4\]"):
        step(torch.randn(2, 3, 4))
    with pytest.raises(ShapeError, match="as many axes"):
        step(torch.randn(2, 4), torch.randn(6))
    with pytest.raises(ShapeError, match="state"):
        step(torch.randn(2, 4), torch.randn(3, 6))
    with pytest.raises(UsageError, match="hidden_size"):
        recurra.GRUCell(4, 0)
    with pytest.raises(UnknownNameError, match="tanh"):
        recurra.RNNCell(4, 6, nonlinearity="tan")
