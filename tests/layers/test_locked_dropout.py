"""Dropout whose mask does not change from step to step."""

from __future__ import annotations

import pytest
import torch

from recurra.errors import UsageError
from recurra.layers.dropout import Dropout, dropout, locked
from recurra.layers.stack import Stack


def test_the_mask_is_one_for_a_row_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    found = locked(torch.ones(50, 6, 80), 0.25, True)
    assert torch.equal(found, found[:, :1].expand_as(found))
    assert found.unique().tolist() == pytest.approx([0.0, 1 / 0.75])
    assert float(found.mean()) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("share", [0.001, 0.1, 0.5, 0.75, 0.8, 0.999])
def test_dropout_leaves_out_its_share_and_its_gradient_is_the_mask(share: float) -> None:
    torch.manual_seed(0)
    x = torch.randn(70, 301, dtype=torch.float64, requires_grad=True)
    y = dropout(x, share)
    left = y != 0
    assert float(left.double().mean()) == pytest.approx(1 - share, abs=0.01)
    torch.testing.assert_close(y[left], x[left] / (1 - share))
    (gradient,) = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(gradient, left.double() / (1 - share))
    torch.manual_seed(0)
    torch.randn(70, 301, dtype=torch.float64)
    assert torch.equal(dropout(x, share), y)
    assert not torch.equal(dropout(x, share), y)


def test_dropout_as_a_module_and_where_somebody_looks_on() -> None:
    x = torch.ones(40, 50)
    module = Dropout(0.5)
    assert 0 < int((module(x) == 0).sum()) < x.numel()
    assert module.eval()(x) is x
    assert not dropout(x, 1.0).any()
    found = torch.func.vmap(lambda row: dropout(row, 0.5), randomness="different")(x)
    assert set(found.unique().tolist()) == {0.0, 2.0}


def test_nothing_is_left_out_in_evaluation() -> None:
    x = torch.randn(2, 3, 4)
    assert locked(x, 0.5, False) is x
    assert locked(x, 0.0, True) is x


def test_between_layers_the_same_units_are_left_out_at_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []

    def record(x: torch.Tensor, share: float, training: bool) -> torch.Tensor:
        seen.append(share)
        return x

    monkeypatch.setattr("recurra.layers.stack.locked", record)
    stack = Stack(3, 4, 3, dropout=0.3, variational=True)
    stack(torch.randn(2, 5, 3))
    assert seen == [0.3, 0.3]
    assert "variational=True" in repr(stack)


def test_variational_is_a_truth_value() -> None:
    with pytest.raises(UsageError, match="variational must be True or False"):
        Stack(3, 4, variational=1)  # type: ignore[arg-type]
