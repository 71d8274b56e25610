"""Logistic regression over sets of tokens: right where the set tells, blind to order."""

from __future__ import annotations

import numpy as np
import pytest

from recurra.baselines import bag_of_words
from recurra.baselines.bag_of_words import BagOfWords
from recurra.errors import ShapeError


def rows(*texts: list[int]) -> list[np.ndarray]:
    return [np.array(text, dtype=np.int64) for text in texts]


def drawn(count: int, seed: int, size: int = 30) -> tuple[list[np.ndarray], np.ndarray]:
    """Texts of three classes: each has one token of its class (1 to 3) among tokens that say nothing."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, count)
    texts = []
    for label in labels:
        text = rng.integers(4, size, rng.integers(1, 9))
        text[rng.integers(len(text))] = label + 1
        texts.append(text)
    return texts, labels


def test_it_finds_the_tokens_that_tell() -> None:
    texts, labels = drawn(600, 0)
    model = BagOfWords.fit(texts, labels, 3, 30, validation=drawn(100, 1))
    more, truth = drawn(300, 2)
    assert (model.predict(more) == truth).mean() > 0.97
    assert model.weights[1:4].argmax(1).tolist() == [0, 1, 2]
    assert model.size_bytes() == 4 * 31 * 3


def test_order_and_repeats_change_nothing() -> None:
    texts, labels = drawn(200, 0)
    model = BagOfWords.fit(texts, labels, 3, 30)
    found = model.predict_log_proba(rows([1, 5, 6], [6, 5, 1], [5, 5, 1, 6, 1], [1, 5]))
    assert found[0].tolist() == found[1].tolist() == found[2].tolist() != found[3].tolist()
    np.testing.assert_allclose(np.exp(found).sum(1), 1)


def test_scores_by_hand() -> None:
    weights = np.array([[0.0, 0.0], [1.0, -1.0], [2.0, 0.0], [0.5, 0.25]])
    found = BagOfWords(weights, len(weights) - 1).predict_log_proba(rows([1, 2, 1], [2], []))
    logits = np.array([[3 / np.sqrt(2) + 0.5, -1 / np.sqrt(2) + 0.25], [2.5, 0.25], [0.5, 0.25]])
    np.testing.assert_allclose(found, logits - np.log(np.exp(logits).sum(1, keepdims=True)))


def test_one_step_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """From zero, AdaGrad's first step is the rate against the sign of every gradient."""
    monkeypatch.setattr(bag_of_words, "EPOCHS", 1)
    model = BagOfWords.fit(rows([1], [2, 2]), [0, 1], 2, 4)
    rate = bag_of_words.RATE
    np.testing.assert_allclose(model.weights[1], [rate, -rate], rtol=1e-6)
    np.testing.assert_allclose(model.weights[2], [-rate, rate], rtol=1e-6)
    np.testing.assert_allclose(model.weights[[0, 3, 4]], 0, atol=1e-9)


@pytest.mark.parametrize("chunk", [1, 10, 64])
def test_scoring_in_chunks_gives_the_same(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    texts, labels = drawn(60, 0)
    model = BagOfWords.fit(texts, labels, 3, 30)
    whole = model.predict_log_proba(texts)
    monkeypatch.setattr(bag_of_words, "CHUNK", chunk)
    np.testing.assert_array_equal(model.predict_log_proba(texts), whole)
    assert model.predict([]).tolist() == []


def test_the_best_epoch_is_kept_and_the_seed_decides() -> None:
    texts, labels = drawn(40, 0)
    judged = drawn(40, 1)
    model = BagOfWords.fit(texts, labels, 3, 30, validation=judged)
    again = BagOfWords.fit(texts, labels, 3, 30, validation=judged)
    other = BagOfWords.fit(texts, labels, 3, 30, validation=judged, seed=1)
    np.testing.assert_array_equal(model.weights, again.weights)
    assert (model.weights != other.weights).any()
    last = BagOfWords.fit(texts, labels, 3, 30)
    assert (model.predict(judged[0]) == judged[1]).mean() >= (last.predict(judged[0]) == judged[1]).mean()


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"0 \.\. 3, got 1 \.\. 4"):
        BagOfWords.fit(rows([1, 4]), [0], 2, 4)
    with pytest.raises(ShapeError, match=r"2 texts and 1 labels"):
        BagOfWords.fit(rows([1], [2]), [0], 2, 4)
    with pytest.raises(ShapeError):
        BagOfWords.fit([], [], 2, 4)


def test_of_many_classes_only_the_most_frequent_tokens_have_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Token 0 stands for all others, so texts of two such tokens are the same to it."""
    rng = np.random.default_rng(0)
    texts = [np.array([label, 20 + int(rng.integers(80))]) for label in range(20)] * 20
    labels = np.arange(400) % 20
    whole = BagOfWords.fit(texts, labels, 20, 100)
    monkeypatch.setattr(bag_of_words, "LARGEST", 20 * 25)
    found = BagOfWords.fit(texts, labels, 20, 100, validation=(texts, labels))
    assert found.weights.shape == (26, 20)
    assert whole.weights.shape == (101, 20)
    assert (found.predict(texts) == labels).mean() > 0.9
    unknown = found.predict_log_proba([np.array([3, 97]), np.array([3, 98]), np.array([3])])
    np.testing.assert_array_equal(unknown[0], unknown[1])
    assert np.abs(unknown[0] - unknown[2]).max() > 1e-3


def test_no_epoch_follows_once_the_seconds_are_over(monkeypatch: pytest.MonkeyPatch) -> None:
    epochs, learn = [], BagOfWords._learn
    monkeypatch.setattr(BagOfWords, "_learn", lambda *given: (epochs.append(1), learn(*given))[1])
    texts, labels = [np.array([k % 2]) for k in range(8)], np.arange(8) % 2
    for validation in (None, (texts, labels)):
        epochs.clear()
        BagOfWords.fit(texts, labels, 2, 2, validation=validation, seconds=-1.0)
        assert len(epochs) == 1
