"""n-grams by their hash, and a linear map of them."""

from __future__ import annotations

import torch

from recurra.layers.sparse_linear import EDGE, Found, SparseLinear, joined, mixed, ngrams


def by_hand(tokens: list[int], order: int) -> list[int]:
    padded = torch.tensor([EDGE, *tokens, EDGE]) + 2
    found = []
    for start in range(len(padded) - order + 1):
        key = mixed(padded[start])
        for token in padded[start + 1 : start + order]:
            key = joined(key, token)
        if order > 1 or 0 < start <= len(tokens):
            found.append(int(key))
    return sorted(found)


def of_row(found: Found, row: int) -> list[int]:
    return sorted(found.keys[found.rows == row].tolist())


def test_ngrams_are_those_of_each_text_with_its_edges() -> None:
    tokens, lengths = torch.tensor([[4, 5, 4, 6], [7, 0, 99, 99], [8, 99, 99, 99]]), torch.tensor([4, 2, 1])
    for orders in ((1,), (2,), (1, 2, 3), (4,)):
        found = ngrams(tokens, lengths, orders)
        for row, length in enumerate(lengths.tolist()):
            expected = [key for order in orders for key in by_hand(tokens[row, :length].tolist(), order)]
            assert of_row(found, row) == sorted(expected)


def test_no_two_of_many_ngrams_have_the_same_key() -> None:
    tokens = torch.arange(1000).repeat_interleave(1000), torch.arange(1000).repeat(1000)
    found = ngrams(torch.stack(tokens, 1), None, (2,))
    assert len(found.keys.unique()) == 1000 * 1000 + 2000  # and each with an edge


def test_outputs_are_what_the_formula_says() -> None:
    layer = SparseLinear(2, 3)
    known = Found(torch.tensor([10, 20, 20, 30, 10]), torch.tensor([0, 0, 0, 0, 2]), 3)
    weight = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    layer.take(torch.tensor([10, 20]), torch.tensor([1.0, 2.0]), weight, torch.tensor([0.5, 0.0, 0.0]))
    assert torch.equal(layer(known), torch.zeros(3, 3))  # nothing is added before it has a share
    layer.share.fill_(2.0)
    values = torch.tensor([1.0, 2.0 * (1 + torch.tensor(2.0).log())])
    rows = torch.stack([values / values.norm() @ weight, torch.zeros(3), weight[0]])
    assert torch.allclose(layer(known), 2 * (rows + torch.tensor([0.5, 0.0, 0.0])))


def test_a_row_does_not_depend_on_the_others() -> None:
    tokens, lengths = torch.randint(0, 5, (16, 9)), torch.randint(1, 10, (16,))
    keys = ngrams(tokens, lengths, (1, 2)).keys.unique()
    layer = SparseLinear(len(keys), 2)
    layer.take(keys, torch.rand(len(keys)) + 1, torch.randn(len(keys), 2), torch.zeros(2))
    layer.share.fill_(1.0)
    together = layer(ngrams(tokens, lengths, (1, 2)))
    for row, length in enumerate(lengths.tolist()):
        alone = layer(ngrams(tokens[row : row + 1, :length], None, (1, 2)))
        assert torch.equal(alone[0], together[row])
