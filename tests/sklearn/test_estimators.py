"""recurra.sklearn: clone, pickle, inputs of all kinds; scikit-learn's own checks are in test_estimator_checks.py."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone

import recurra
from recurra.errors import UsageError
from recurra.sklearn import SequenceClassifier, SequenceForecaster, SequenceTagger


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECURRA_CACHE", str(tmp_path / "cache"))


@pytest.mark.slow
def test_a_classifier_of_texts_is_pickled_and_saved_whole(tmp_path: Path) -> None:
    texts = [f"{word} {n}" for n in range(20) for word in ("good film", "bad film")]
    labels = np.array([3, -1] * 20)
    fitted = SequenceClassifier(epochs=1, hidden_size=4).fit(texts, labels)
    assert fitted.classes_.tolist() == [-1, 3]
    again = pickle.loads(pickle.dumps(fitted))  # noqa: S301
    assert np.array_equal(again.predict_proba(texts), fitted.predict_proba(texts))
    assert set(fitted.predict(texts)) <= {-1, 3}
    assert recurra.load(fitted.save(tmp_path / "run")).task == "classify"
    with pytest.raises(UsageError, match="name another folder"):
        fitted.save(tmp_path / "run")
    with pytest.raises(UsageError, match="fitted on texts"):
        fitted.predict(np.zeros((2, 3, 1)))


@pytest.mark.slow
def test_a_classifier_of_sequences_of_any_lengths() -> None:
    generator = np.random.default_rng(0)
    x = [generator.normal(size=(generator.integers(2, 7), 2)) for _ in range(40)]
    fitted = SequenceClassifier(epochs=1, hidden_size=4).fit(x, ["a", "b"] * 20)
    assert fitted.predict_proba(x).sum(axis=1) == pytest.approx(np.ones(40), abs=1e-5)
    with pytest.raises(UsageError, match=r"\[3\] channels, expected 2"):
        fitted.predict(np.zeros((1, 4, 3)))


@pytest.mark.slow
def test_a_tagger_and_a_forecaster() -> None:
    rows = [["a", "dog", "barks"], ["the", "cat", "sees"]] * 10
    tagger = SequenceTagger(epochs=1, hidden_size=8).fit(rows, [["D", "N", "V"]] * 20)
    assert tagger.tags_ == ["D", "N", "V"]
    assert [len(tags) for tags in tagger.predict(rows[:2])] == [3, 3]
    assert 0 <= tagger.score(rows, [["D", "N", "V"]] * 20) <= 1
    wave = np.sin(np.arange(200) / 5)
    one = SequenceForecaster(horizon=5, epochs=1, hidden_size=4).fit(wave)
    assert one.predict().shape == one.predict(wave[:150]).shape == (5,)
    two = SequenceForecaster(horizon=4, epochs=1).fit(np.stack([wave, 2 * wave], axis=1))
    assert two.predict().shape == (4, 2)
    others = np.stack([3 * wave, wave, wave + 1], axis=1)[:150]
    assert two.predict(others).shape == (4, 3)
    assert np.allclose(two.predict(others)[:, 1], two.predict(wave[:150]), atol=1e-5)


def test_parameters_are_kept_as_given_and_cloned() -> None:
    given = SequenceForecaster(horizon=3, cell="lstm", settings={"window": 9})
    assert clone(given).get_params() == given.get_params()
    assert given.set_params(cell="gru").cell == "gru"


@pytest.mark.parametrize(
    ("estimator", "x", "y", "says"),
    [
        (SequenceClassifier(), ["a", "b"], ["x", "x"], "one class"),
        (SequenceClassifier(), ["a", "b"], ["x"], "inconsistent numbers"),
        (SequenceClassifier(), [np.zeros((2, 1)), np.zeros((2, 3))], ["x", "y"], r"\[1, 3\] channels"),
        (SequenceTagger(), [["a", "b"]], [["x"]], "row 1 has 2 tokens and 1 tags"),
        (SequenceClassifier(), np.zeros((0, 4, 2)), [], "got none"),
        (SequenceTagger(), [1], [["x"]], "row 1 of X must be a list of texts"),
        (SequenceTagger(), ["ab"], [["x"]], "row 1 of X must be a list of texts"),
        (SequenceForecaster(), [1.0, float("inf")], None, "infinity"),
    ],
)
def test_what_does_not_fit_is_an_error(estimator: object, x: object, y: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        estimator.fit(x, y)
