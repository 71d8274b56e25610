"""Skip-gram: what stands near each other, learned from ids alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recurra.errors import DataError, UsageError
from recurra.tasks.word_vectors import skipgram
from recurra.tasks.word_vectors.skipgram import Pass, SkipGram, count_tokens, learn_vectors


def cosines(rows: np.ndarray) -> np.ndarray:
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit @ unit.T


def groups(count: int = 200, seed: int = 0) -> list[np.ndarray]:
    """Texts of ids 0 to 4 only, or of 5 to 9 only."""
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 5, 12) + 5 * rng.integers(0, 2) for _ in range(count)]


def test_tokens_of_the_same_surroundings_get_like_vectors() -> None:
    like = cosines(learn_vectors(groups(), 10, SkipGram(width=8, subsample=0)))
    within, across = np.r_[like[:5, :5].ravel(), like[5:, 5:].ravel()], like[:5, 5:].ravel()
    assert within.min() > across.max() + 0.2


def test_nothing_is_predicted_from_one_text_to_the_next() -> None:
    tokens, indices = np.array([1, 2, 3, 4, 5]), np.array([0, 0, 0, 1, 1])
    found = skipgram._pairs(tokens, indices, np.ones(6), 4, np.random.default_rng(0))
    pairs = set(zip(*(a.tolist() for a in found), strict=True))
    assert pairs <= {(1, 2), (2, 1), (2, 3), (3, 2), (1, 3), (3, 1), (4, 5), (5, 4)}
    assert {(1, 2), (2, 1), (2, 3), (3, 2), (4, 5), (5, 4)} <= pairs


def test_distances_up_to_the_window_are_drawn_evenly() -> None:
    tokens = np.arange(3000)
    centre, context = skipgram._pairs(tokens, np.zeros(3000, int), np.ones(3000), 4, np.random.default_rng(0))
    counts = np.bincount(np.abs(centre - context))
    np.testing.assert_allclose(counts[1:] / 6000, [1, 0.75, 0.5, 0.25], atol=0.03)


def test_a_step_is_down_the_gradient_of_the_formula() -> None:
    torch.manual_seed(0)
    inner, outer = torch.randn(7, 3, dtype=torch.float64), torch.randn(7, 3, dtype=torch.float64)
    centre, context, drawn = torch.tensor([1, 2, 1, 4]), torch.tensor([3, 3, 0, 5]), torch.tensor([6, 0, 6])
    a, b = inner.clone().requires_grad_(), outer.clone().requires_grad_()
    right = torch.nn.functional.logsigmoid((a[centre] * b[context]).sum(-1))
    wrong = torch.nn.functional.logsigmoid(-(a[centre] @ b[drawn].T)).mean(-1)
    loss = -(right + 5.0 * wrong)
    loss.sum().backward()
    assert a.grad is not None
    assert b.grad is not None
    expected = inner - 0.01 * a.grad, outer - 0.01 * b.grad
    told = skipgram._step(inner, outer, centre, context, drawn, 5.0, 0.01, asked=True)
    assert told == pytest.approx(float(loss.mean().detach()))
    torch.testing.assert_close((inner, outer), expected)


def test_the_same_seed_gives_the_same_vectors() -> None:
    how = SkipGram(width=4, epochs=2)
    first, again = (learn_vectors(groups(40), 10, how) for _ in range(2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, learn_vectors(groups(40), 10, SkipGram(width=4, epochs=2, seed=1)))


def test_frequent_tokens_are_thinned_out() -> None:
    counts = np.array([900, *[1] * 100])
    share = skipgram._kept_share(counts, 2e-2)
    assert share[0] == pytest.approx((1 / 45) ** 0.5 + 1 / 45)
    assert share[1:].tolist() == [1] * 100
    assert skipgram._kept_share(np.array([5, 5, 5]), 1e-3).tolist() == [1, 1, 1]  # all are as frequent as the mean
    assert skipgram._kept_share(np.array([900, 99, 1]), 0).tolist() == [1, 1, 1]


def test_texts_are_read_in_blocks_however_long_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(skipgram, "BLOCK", 16)
    texts = [np.arange(40, dtype=np.uint16) % 5, np.arange(3), np.array([], np.int64), np.arange(4)]
    blocks = list(skipgram._blocks(texts))
    assert max(len(tokens) for tokens, _ in blocks) < 32
    np.testing.assert_array_equal(np.concatenate([tokens for tokens, _ in blocks]), np.concatenate(texts))
    assert np.concatenate([indices for _, indices in blocks]).tolist() == [0] * 40 + [1] * 3 + [3] * 4
    assert count_tokens(texts, 6).tolist() == [10, 10, 10, 9, 8, 0]


@pytest.mark.parametrize("size", [2, 3, 30])
def test_a_tiny_vocabulary_does_not_diverge(size: int) -> None:
    texts = [np.random.default_rng(i).integers(0, size, 20) for i in range(100)]
    told: list[Pass] = []
    rows = learn_vectors(texts, size + 1, SkipGram(width=5, epochs=3, subsample=0), notify=told.append)
    assert np.isfinite(rows).all()
    assert not rows[size].any()  # it does not occur
    assert [one.epoch for one in told] == [1, 2, 3]
    assert told[-1].loss < told[0].loss


def test_texts_of_one_token_have_nothing_to_learn() -> None:
    with pytest.raises(DataError, match="no token has a neighbour"):
        learn_vectors([np.array([1]), np.array([2])], 3, SkipGram(width=2))


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"width": 0}, "width must be at least 1, got 0"),
        ({"window": 0}, "window"),
        ({"negatives": 0.0}, "above 0, got 0.0"),
        ({"subsample": 1.0}, "from 0 to 1, got 1.0"),
    ],
)
def test_what_cannot_be_set(given: dict[str, float], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        SkipGram(**given)  # type: ignore[arg-type]


def test_short_texts_are_gone_through_more_often() -> None:
    assert [skipgram.passes(tokens) for tokens in (10, 250_000, 10**7)] == [20, 8, 5]
    told: list[Pass] = []
    learn_vectors(groups(4), 10, SkipGram(width=2), notify=told.append)
    assert [(one.epoch, one.epochs) for one in told] == [(i, 20) for i in range(1, 21)]
