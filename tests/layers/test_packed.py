"""Rows of very different length, packed: they cost what their steps cost, and give what torch.nn gives."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

import recurra
from recurra.layers.packed import RATIO, order, runs, split

SKEWED = [[1, 40, 1, 3, 2, 1, 11, 1, 1], [1] * 20 + [30], [64, 1, 1, 1, 1, 1, 1, 1, 16, 1, 1, 1], [50, 1, 1, 1, 1]]
PAIRS = [(recurra.LSTM, torch.nn.LSTM), (recurra.GRU, torch.nn.GRU), (recurra.RNN, torch.nn.RNN)]


def packed(lengths: list[int], *, is_sorted: bool = False, width: int = 3) -> PackedSequence:
    lengths = sorted(lengths, reverse=True) if is_sorted else lengths
    x = torch.randn(len(lengths), max(lengths), width, dtype=torch.float64)
    return pack_padded_sequence(x, torch.tensor(lengths), batch_first=True, enforce_sorted=is_sorted)


@pytest.mark.parametrize("is_sorted", [False, True], ids=["", "sorted"])
@pytest.mark.parametrize("with_state", [False, True], ids=["", "state"])
@pytest.mark.parametrize("lengths", SKEWED[::2], ids=str)
@pytest.mark.parametrize(("own", "torchs"), PAIRS, ids=lambda c: c.__module__.split(".")[0] + c.__name__)
def test_skewed_rows_give_what_torch_gives(
    own: type, torchs: type, lengths: list[int], with_state: bool, is_sorted: bool
) -> None:
    torch.manual_seed(1)
    given = packed(lengths, is_sorted=is_sorted)
    assert len(runs(given.batch_sizes)) > 1
    layers = [kind(3, 5, 2, bidirectional=True, dtype=torch.float64) for kind in (own, torchs)]
    layers[1].load_state_dict(layers[0].state_dict())
    states: Any = None
    if with_state:
        states = torch.randn(4, len(lengths), 5, dtype=torch.float64)
        states = (states, states.sin()) if own is recurra.LSTM else states
    found = []
    for layer in layers:
        data = given.data.clone().requires_grad_()
        y, last = layer(PackedSequence(data, *given[1:]), states)
        assert torch.equal(y.batch_sizes, given.batch_sizes)
        assert (y.sorted_indices is None) == is_sorted
        ends = last if isinstance(last, tuple) else (last,)
        total = (y.data * torch.arange(y.data.numel()).view_as(y.data).cos()).sum() + sum(
            e.square().sum() for e in ends
        )
        gradients: tuple[Tensor, ...] = torch.autograd.grad(total, [data, *layer.parameters()])
        found.append([y.data, *ends, *gradients])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("lengths", [[5, 4, 4, 2], [7] * 9, [1], [8, 1, 8, 8]], ids=str)
def test_rows_alike_are_one_run(lengths: list[int]) -> None:
    (run,) = runs(packed(lengths).batch_sizes)
    assert run.lengths.tolist() == sorted(lengths, reverse=True)


@pytest.mark.parametrize("lengths", [*SKEWED, [2000, *[5] * 63], [3**i for i in range(7) for _ in range(3)]], ids=str)
def test_padding_has_a_bound(lengths: list[int]) -> None:
    parts = runs(packed(lengths, width=1).batch_sizes)
    padded = sum(len(run.lengths) * int(run.lengths[0]) for run in parts)
    assert padded <= RATIO * sum(lengths)
    assert [n for run in parts for n in run.lengths.tolist()] == sorted(lengths, reverse=True)


@pytest.mark.parametrize("lengths", SKEWED, ids=str)
def test_the_runs_are_the_rows(lengths: list[int]) -> None:
    given = packed(lengths, is_sorted=True)
    parts = runs(given.batch_sizes)
    places = order(given.batch_sizes, parts)
    assert sorted(places.tolist()) == list(range(sum(lengths)))
    rows = torch.nn.utils.rnn.unpack_sequence(given)
    again = [row for part in split(given, parts, places) for row in torch.nn.utils.rnn.unpack_sequence(part)]
    assert len(again) == len(rows)
    assert all(torch.equal(one, other) for one, other in zip(again, rows, strict=True))


def test_recurrent_dropout_and_learned_states_on_skewed_rows() -> None:
    given = packed(SKEWED[0], width=3)
    layer = recurra.LSTM(3, 5, recurrent_dropout=0.5, learned_state=True, dtype=torch.float64)
    y, last = layer(given)
    (y.data.sum() + last[1].sum()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in layer.parameters())
