"""Rows of different sequences in one step: the bits of each are those that it has alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from recurra.engines.request import State
from recurra.errors import UsageError
from recurra.layers.stack import Stack
from recurra.topologies import gathered_steps
from recurra.topologies.gathered_steps import ROWS, GatheredSteps

STACKS: tuple[dict[str, Any], ...] = (
    {"cell": "lstm", "hidden_size": 24},
    {"cell": "gru", "hidden_size": 17, "num_layers": 2, "learned_state": True},
    {"cell": "slstm", "hidden_size": 8},
    {"cell": "lstm", "hidden_size": 8, "engine": "reference"},
    {"cell": "gru", "hidden_size": 8, "dtype": torch.float64},
)


def gathered(**given: Any) -> GatheredSteps:
    torch.manual_seed(0)
    stack = Stack(5, given.pop("hidden_size"), given.pop("num_layers", 1), **given).eval()
    for parameter in stack.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    return GatheredSteps(stack)


def drawn(steps: GatheredSteps, count: int) -> tuple[Tensor, list[State]]:
    like = steps.start[0]
    x = torch.randn(count, 5).to(like.dtype)
    return x, [tuple(torch.randn(s.shape).to(like.dtype) for s in steps.start) for _ in range(count)]


def same(one: State, other: State) -> bool:
    return all(map(torch.equal, one, other))


@pytest.mark.parametrize("given", STACKS)
def test_a_row_alone_is_the_row_among_others(given: dict[str, Any]) -> None:
    steps = gathered(**given)
    x, states = drawn(steps, 2 * ROWS + 3)
    y, after = steps.step(x, states)
    for count in (1, 2, 3, 7, 8, 15, 16, 17, 33):
        some, state = steps.step(x[:count], states[:count])
        assert torch.equal(some, y[:count])
        assert all(map(same, state, after[:count]))
    order = torch.randperm(len(x)).tolist()
    mixed, state = steps.step(x[order], [states[k] for k in order])
    assert torch.equal(mixed, y[order])
    assert all(same(s, after[k]) for s, k in zip(state, order, strict=True))


@pytest.mark.parametrize("given", STACKS[:2])
def test_it_is_what_the_layers_say(given: dict[str, Any]) -> None:
    steps = gathered(**given)
    x, _ = drawn(steps, 4)
    expected, state = steps._stack(x.unsqueeze(0))
    found, own = [], steps.start
    for row in x:
        y, (own,) = steps.step(row.unsqueeze(0), [own])
        found.append(y[0])
    torch.testing.assert_close(torch.stack(found), expected[0].detach(), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(own, tuple(s[:, 0].detach() for s in state), rtol=1e-5, atol=1e-6)


def test_what_is_no_number_stays_in_its_row() -> None:
    steps = gathered(**STACKS[0])
    x, states = drawn(steps, 9)
    y, after = steps.step(x, states)
    states[4] = tuple(torch.full_like(s, float("nan")) for s in states[4])
    x[7] = float("inf")
    others = [k for k in range(9) if k not in (4, 7)]
    found, state = steps.step(x, states)
    assert found[4].isnan().any()
    assert torch.equal(found[others], y[others])
    assert all(same(state[k], after[k]) for k in others)


@pytest.mark.parametrize("width", [65, 700])
def test_outputs_are_those_of_a_row_alone_too(width: int) -> None:
    head = torch.nn.Linear(24, width)
    steps = GatheredSteps(Stack(5, 24), head)
    y = torch.randn(ROWS + 5, 24)
    whole = steps.outputs(y)
    for count in (1, 2, 7, 16):
        assert torch.equal(steps.outputs(y[:count]), whole[:count])
    torch.testing.assert_close(whole, head(y).detach(), rtol=1e-5, atol=1e-6)


def test_where_a_block_differs_by_its_index_each_row_goes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathered_steps.GatheredSteps, "_alike", lambda self: False)
    steps = gathered(**STACKS[0])
    x, states = drawn(steps, 5)
    y, _ = steps.step(x, states)
    assert steps.rows == 1
    assert torch.equal(steps.step(x[3:4], states[3:4])[0], y[3:4])


def test_its_check_finds_rows_that_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = gathered(**STACKS[0])
    block = steps._block

    def uneven(x: Tensor, states: list[State]) -> tuple[Tensor, list[State]]:
        y, after = block(x, states)
        return y * (1 + 1e-6 * len(states)), after

    monkeypatch.setattr(steps, "_block", uneven)
    assert not steps._alike()


def test_layers_of_two_directions_are_refused() -> None:
    with pytest.raises(UsageError, match="a bidirectional stack cannot stream"):
        GatheredSteps(Stack(5, 8, bidirectional=True))
