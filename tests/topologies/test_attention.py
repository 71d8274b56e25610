from __future__ import annotations

import pytest
import torch

from recurra.errors import UsageError
from recurra.topologies.attention import Attention

SCORES = ("dot", "general", "additive")


@pytest.mark.parametrize("score", SCORES)
def test_weights_are_shares_of_each_rows_own_positions(score):
    torch.manual_seed(0)
    attention = Attention(score, 6, 6)
    memory = attention.remember(torch.randn(3, 5, 6), torch.tensor([5, 2, 1]))
    context, weights = attention(torch.randn(3, 4, 6), memory)
    assert context.shape == (3, 4, 6)
    torch.testing.assert_close(weights.sum(-1), torch.ones(3, 4))
    assert not weights[1, :, 2:].any()
    assert (weights[2, :, 0] == 1).all()
    torch.testing.assert_close(context[2], memory.values[2, :1].expand(4, -1))


@pytest.mark.parametrize("score", SCORES)
def test_what_stands_past_a_rows_end_never_matters(score):
    torch.manual_seed(0)
    attention, queries, values = Attention(score, 6, 6), torch.randn(2, 3, 6), torch.randn(2, 4, 6)
    lengths = torch.tensor([4, 2])
    other = values.clone()
    other[1, 2:] = 99.0
    for a, b in zip(
        attention(queries, attention.remember(values, lengths)),
        attention(queries, attention.remember(other, lengths)),
        strict=True,
    ):
        assert torch.equal(a, b)


def test_scores_are_those_of_the_papers():
    torch.manual_seed(0)
    q, m = torch.randn(4), torch.randn(3, 6)
    general = Attention("general", 4, 6)
    expected = (m @ general.of_memory.weight.t() @ q).softmax(0)
    found = general(q.view(1, 1, 4), general.remember(m.unsqueeze(0), torch.tensor([3])))[1]
    torch.testing.assert_close(found.flatten(), expected)
    additive = Attention("additive", 4, 6)
    mixed = torch.tanh(additive.of_query(q) + m @ additive.of_memory.weight.t()) @ additive.weight
    found = additive(q.view(1, 1, 4), additive.remember(m.unsqueeze(0), torch.tensor([3])))[1]
    torch.testing.assert_close(found.flatten(), mixed.softmax(0))


def test_dot_needs_vectors_of_one_width():
    with pytest.raises(UsageError, match="got 4 of the decoder and 6 of the encoder"):
        Attention("dot", 4, 6)
