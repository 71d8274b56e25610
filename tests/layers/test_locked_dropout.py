"""Dropout whose mask does not change from step to step."""

from __future__ import annotations

import pytest
import torch

from recurra.errors import UsageError
from recurra.layers.dropout import locked
from recurra.layers.stack import Stack


def test_the_mask_is_one_for_a_row_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    found = locked(torch.ones(50, 6, 80), 0.25, True)
    assert torch.equal(found, found[:, :1].expand_as(found))
    assert found.unique().tolist() == pytest.approx([0.0, 1 / 0.75])
    assert float(found.mean()) == pytest.approx(1, abs=0.05)


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
