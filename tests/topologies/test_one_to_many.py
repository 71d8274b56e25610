from __future__ import annotations

from typing import Literal

import pytest
import torch

from recurra.topologies.one_to_many import Conditioned, ConditionedDecoder
from recurra.topologies.settings import ConditionedSettings

Where = Literal["state", "input", "both"]
WHERE: tuple[Where, ...] = ("state", "input", "both")


def decoder(condition: Where = "both", *, cell: str = "lstm", layers: int = 2) -> ConditionedDecoder:
    torch.manual_seed(0)
    settings = ConditionedSettings(
        cell=cell, hidden_size=6, num_layers=layers, embedding_size=4, condition=condition, engine="reference"
    )
    return ConditionedDecoder(7, 5, [3, 2], settings).eval()


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("condition", WHERE)
def test_shapes(condition: Where, cell: str) -> None:
    network = decoder(condition, cell=cell)
    tokens, indices = torch.randint(7, (5, 4)), torch.tensor([[0, 1]] * 4 + [[2, 0]])
    y, state = network.hidden(Conditioned(tokens, indices), torch.tensor([4, 2, 1, 4, 3]))
    assert y.shape == (5, 4, 6)
    assert network.logits(y).shape == (5, 4, 5)
    assert {s.shape for s in state} == {(2, 5, 6)}
    assert (y[2, 1:] == 0).all()


@pytest.mark.parametrize("condition", WHERE)
def test_every_attribute_changes_what_is_written(condition: Where) -> None:
    network = decoder(condition)
    tokens = torch.tensor([[1, 2, 3]] * 3)
    y, _ = network(Conditioned(tokens, torch.tensor([[0, 0], [0, 1], [1, 0]])))
    assert not torch.allclose(y[0], y[1])
    assert not torch.allclose(y[0], y[2])


@pytest.mark.parametrize("condition", WHERE)
def test_a_table_for_each_condition_says_what_vectors_beside_tokens_say(condition: Where) -> None:
    """A long batch projects tables, single rows are read as vectors: the answer is the same."""
    network = decoder(condition)
    tokens = torch.randint(7, (6, 9))
    indices = torch.tensor([[2, 1], [0, 0], [2, 1], [2, 1], [0, 0], [2, 1]])
    whole, _ = network(Conditioned(tokens, indices))
    for row in range(6):
        y, _ = network(Conditioned(tokens[row : row + 1, :2], indices[row : row + 1]))
        torch.testing.assert_close(y[0], whole[row, :2])


@pytest.mark.parametrize("condition", WHERE)
def test_one_token_at_a_time_equals_the_whole(condition: Where) -> None:
    network = decoder(condition)
    tokens, indices = torch.randint(7, (3, 5)), torch.tensor([[0, 0], [1, 1], [2, 0]])
    whole, _ = network(Conditioned(tokens, indices))
    state, steps = None, []
    for t in range(5):
        y, state = network(Conditioned(tokens[:, t : t + 1], indices), state=state)
        steps.append(y)
    torch.testing.assert_close(torch.cat(steps, 1), whole)


@pytest.mark.parametrize("condition", WHERE)
def test_gradients_reach_every_weight(condition: Where) -> None:
    network = decoder(condition)
    logits, _ = network(Conditioned(torch.tensor([[0, 1, 2, 3, 4, 5, 6]]), torch.tensor([[0, 1]])))
    logits.square().sum().backward()
    for name, weight in network.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.abs().sum() > 0, name


def test_a_condition_is_the_sum_of_its_values() -> None:
    network = decoder()
    found = network.condition(torch.tensor([[2, 1]]))
    values = [value.weight for value in network.values]
    torch.testing.assert_close(found[0], values[0][2] + values[1][1])
