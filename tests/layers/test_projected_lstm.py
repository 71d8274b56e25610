"""torch.nn.LSTM with proj_size beside ours: the same weights from a seed, state_dict both ways, the same numbers."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import recurra
from recurra.errors import UsageError

WAYS: list[dict[str, Any]] = [{}, {"num_layers": 2, "bidirectional": True}, {"batch_first": True, "bias": False}]


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize("engine", ["native", "reference"])
@pytest.mark.parametrize("ways", WAYS, ids=str)
def test_is_torchs(ways: dict[str, Any], engine: str) -> None:
    torch.manual_seed(1)
    theirs = torch.nn.LSTM(5, 12, proj_size=4, **ways).double()
    torch.manual_seed(1)
    ours = recurra.LSTM(5, 12, proj_size=4, engine=engine, **ways).double()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True))
    theirs.load_state_dict(ours.state_dict())
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(3, 7, 5).double().requires_grad_()
    rows, batch = ours.num_layers * ours.num_directions, 3 if ours.batch_first else 7
    start = tuple(torch.randn(rows, batch, width).double().requires_grad_() for width in (4, 12))
    found = []
    for layer in (ours, theirs):
        y, last = layer(x, start)
        total = (y * y).sum() + last[0].sum() + (last[1] ** 2).sum()
        found.append([y, *last, *torch.autograd.grad(total, [x, *start, *layer.parameters()])])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-10)


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
def test_packed_rows() -> None:
    theirs, ours = torch.nn.LSTM(5, 12, proj_size=4).double(), recurra.LSTM(5, 12, proj_size=4).double()
    ours.load_state_dict(theirs.state_dict())
    packed = torch.nn.utils.rnn.pack_padded_sequence(
        torch.randn(7, 3, 5).double(), torch.tensor([2, 7, 4]), enforce_sorted=False
    )
    (y, last), (due, due_last) = ours(packed), theirs(packed)
    torch.testing.assert_close(y.data, due.data)
    torch.testing.assert_close(last, due_last)


def test_sizes_and_cells_that_do_not_go() -> None:
    with pytest.raises(UsageError, match="proj_size must be a whole number from 0 to hidden_size = 5, got 6"):
        recurra.LSTM(3, 5, proj_size=6)
    with pytest.raises(UsageError, match=r"proj_size=2: gru has no projection \(lstm-projected has\)"):
        recurra.GRU(3, 5, proj_size=2)
    with pytest.raises(UsageError, match="proj_size=2: peephole-lstm has no projection"):
        recurra.LSTM(3, 5, proj_size=2, cell="peephole-lstm")
