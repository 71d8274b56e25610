"""Log odds of features: against their definition, and what they make of a linear classifier."""

from __future__ import annotations

import numpy as np
import torch

from recurra.baselines.log_odds import log_odds, naive_bayes, paces, strength
from recurra.baselines.sparse_logistic import choose_features, fit
from recurra.layers.sparse_linear import Found

ROWS = Found(torch.tensor([3, 3, 7, 7, 9, 3, 11]), torch.tensor([0, 0, 0, 1, 1, 2, 2]), 3)
"""Row 0 has 3 twice and 7, row 1 has 7 and 9, row 2 has 3 and 11; 11 is not known."""
LABELS = torch.tensor([0, 1, 2])


def test_by_hand() -> None:
    odds = log_odds(torch.tensor([3, 7, 9]), ROWS, LABELS, 3)
    p, q = np.array([[2.0, 1, 2], [2, 2, 1], [1, 2, 1]]), np.array([[2.0, 3, 2], [2, 2, 3], [2, 1, 2]])
    assert np.allclose(odds, np.log(p / p.sum(0)) - np.log(q / q.sum(0)), atol=1e-6)


def test_naive_bayes_by_hand() -> None:
    scale = torch.tensor([1.0, 2.0, 0.5])
    model = naive_bayes((torch.tensor([3, 7, 9]), scale), ROWS, LABELS, 3, 0.5)
    counts = np.array([[2, 0, 1], [1, 1, 0], [0, 1, 0]]) + 0.5
    logs = np.log(counts / counts.sum(0))
    expected = (logs - logs.mean(1, keepdims=True)) / scale.numpy()[:, None]
    assert np.allclose(model.weight, expected, atol=1e-6)
    assert model.bias.tolist() == [0, 0, 0]
    nothing = (torch.zeros(0, dtype=torch.int64), torch.zeros(0))
    assert naive_bayes(nothing, ROWS, LABELS, 3, 0.5).weight.shape == (0, 3)


def test_two_classes_speak_of_one_thing() -> None:
    labels = LABELS.clamp(max=1)
    odds = log_odds(torch.tensor([3, 7, 9]), ROWS, labels, 2)
    assert torch.allclose(odds[:, 0], -odds[:, 1])
    assert torch.allclose(strength(odds, labels), odds[:, 0].abs())
    assert torch.allclose(paces(odds, labels), torch.ones(3, 2))


def test_what_says_nothing_learns_nothing() -> None:
    odds = torch.tensor([[0.0, 0.0, 0.0], [4.0, -1.0, 0.0]])
    found = paces(odds, torch.tensor([0, 1, 2]))
    assert found[0].eq(0).all()
    assert found[1, 0] == 2 * found[1, 1] > 0 == found[1, 2]
    assert log_odds(torch.zeros(0, dtype=torch.int64), ROWS, LABELS, 3).shape == (0, 3)


def test_few_telling_features_are_found_among_many_that_are_not() -> None:
    """Each row has two of its class, of which half are wrong ones, and ten that stand in rows of any class."""
    random = np.random.default_rng(0)

    def drawn(count: int) -> tuple[Found, torch.Tensor]:
        labels = random.integers(3, size=count)
        said = np.where(random.random((count, 2)) < 0.5, labels[:, None], random.integers(3, size=(count, 2)))
        keys = np.concatenate(
            [5 * said + random.integers(5, size=said.shape), random.integers(20, 400, (count, 10))], 1
        )
        rows = np.repeat(np.arange(count), 12)
        return Found(torch.from_numpy(keys.reshape(-1)), torch.from_numpy(rows), count), torch.from_numpy(labels)

    train, validation, test = drawn(300), drawn(200), drawn(1000)
    rare = choose_features(train[0], 3, by_rarity=True)
    odds = log_odds(rare[0], *train, 3)
    by_rarity = fit(rare, train, validation, 3)
    by_odds = fit((rare[0], strength(odds, train[1])), train, validation, 3, paces=paces(odds, train[1]))
    right = [float((each.outputs(test[0]).argmax(1) == test[1]).float().mean()) for each in (by_rarity, by_odds)]
    assert right[1] > right[0] + 0.03, right
