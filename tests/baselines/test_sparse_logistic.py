"""Logistic regression over hashed features: it finds what tells, keeps what occurs most, and needs no luck."""

from __future__ import annotations

import pytest
import torch

from recurra.baselines import sparse_logistic
from recurra.baselines.sparse_logistic import choose_features, fit
from recurra.errors import ShapeError
from recurra.layers.sparse_linear import Found, ngrams


def drawn(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Texts of two classes with the same tokens, of which two stand next to each other in this or that order."""
    random = torch.Generator().manual_seed(seed)
    tokens = torch.randint(3, 20, (count, 8), generator=random)
    labels = torch.randint(0, 2, (count,), generator=random)
    tokens[torch.arange(count), 3], tokens[torch.arange(count), 4] = 1 + labels, 2 - labels
    return tokens, labels


def rows(tokens: torch.Tensor) -> Found:
    return ngrams(tokens, None, (1, 2))


def test_it_finds_the_pair_that_tells_and_not_the_tokens_that_do_not() -> None:
    train, labels = drawn(400, 0)
    found = rows(train)
    held_out, truth = drawn(100, 1)
    model = fit(choose_features(found, 2, by_rarity=True), (found, labels), (rows(held_out), truth), 2)
    more, expected = drawn(300, 2)
    assert (model.log_probabilities(rows(more)).argmax(1) == expected).float().mean() > 0.97
    assert torch.allclose(model.log_probabilities(rows(more)).exp().sum(1), torch.ones(300))
    assert model.size_bytes() == len(model.keys) * (8 + 4 + 2 * 4) + 2 * 4


def test_rows_and_labels_go_together() -> None:
    tokens, labels = drawn(10, 0)
    features = choose_features(rows(tokens), 2, by_rarity=True)
    with pytest.raises(ShapeError, match="a class for each of 10 rows, got 9"):
        fit(features, (rows(tokens), labels[:9]), (rows(tokens), labels), 2)


def test_of_too_many_features_the_most_frequent_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sparse_logistic, "MOST_FEATURES", 3)
    tokens = torch.tensor([[5, 6, 7], [5, 6, 8], [5, 9, 10]])
    keys, scale = choose_features(ngrams(tokens, None, (1,)), 2, by_rarity=True)
    assert len(keys) == 3
    assert set(ngrams(torch.tensor([[5, 6]]), None, (1,)).keys.tolist()) <= set(keys.tolist())
    assert keys.tolist() == sorted(keys.tolist())
    assert scale.min() == pytest.approx(1.0)  # what is in every row
    assert choose_features(ngrams(tokens, None, (1,)), 2, by_rarity=False)[1].tolist() == [1, 1, 1]


def test_many_rows_in_pieces_give_what_they_give_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens, labels = drawn(50, 0)
    found = rows(tokens)
    model = fit(choose_features(found, 2, by_rarity=True), (found, labels), (found, labels), 2)
    whole = model.outputs(found)
    monkeypatch.setattr(sparse_logistic, "CHUNK", 8)
    assert torch.equal(model.outputs(found), whole)


def test_when_the_time_is_over_it_stays_as_it_is_and_says_after_how_much() -> None:
    tokens, labels = drawn(400, 0)
    features = choose_features(rows(tokens), 2, by_rarity=True)
    given = features, (rows(tokens), labels), (rows(tokens), labels), 2
    seconds = iter([0.0, *range(1, 100)])
    model = fit(*given, batch=100, seconds=2.5, clock=lambda: next(seconds))
    assert model.cut == pytest.approx(0.75)
    assert not torch.equal(model.weight, fit(*given, batch=100).weight)
    assert fit(*given, batch=100).cut is None
    assert fit(*given, seconds=1e6).cut is None
