"""Estimators within scikit-learn's own tools: pipelines, searches, cross-validation; and those of its checks that fit
nothing, for all of them.

Checks that fit are for estimators of tables: SequenceClassifier takes tables too and passes them
(test_estimator_checks.py). SequenceTagger takes lists of tokens with a list of tags each, and SequenceForecaster one
series and no X, so that each of those checks would ask them for what they refuse.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils import estimator_checks

import recurra
from recurra.sklearn import SequenceClassifier, SequenceForecaster, SequenceTagger

WITHOUT_DATA = (
    "check_parameters_default_constructible",
    "check_get_params_invariance",
    "check_set_params",
    "check_no_attributes_set_in_init",
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_valid_tag_types",
)
TEXTS = [f"{word} film {n}" for n in range(15) for word in ("good", "bad")]
LABELS = ["praise", "blame"] * 15


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECURRA_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("check", WITHOUT_DATA)
@pytest.mark.parametrize("kind", [SequenceClassifier, SequenceTagger, SequenceForecaster])
def test_checks_that_fit_nothing(kind: Any, check: str) -> None:
    getattr(estimator_checks, check)(kind.__name__, kind())


def lower(texts: list[str]) -> list[str]:
    return [text.lower() for text in texts]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_pipeline_is_cross_validated_searched_cloned_and_pickled() -> None:
    small = SequenceClassifier(epochs=1, hidden_size=4)
    steps = make_pipeline(FunctionTransformer(lower), small)
    scores = cross_val_score(steps, TEXTS, LABELS, cv=3)
    assert scores.shape == (3,)
    assert ((scores >= 0) & (scores <= 1)).all()
    search = GridSearchCV(steps, {"sequenceclassifier__hidden_size": [2, 4]}, cv=2).fit(TEXTS, LABELS)
    assert search.best_params_["sequenceclassifier__hidden_size"] in (2, 4)
    best = search.best_estimator_
    again = pickle.loads(pickle.dumps(best))  # noqa: S301
    assert np.array_equal(again.predict_proba(TEXTS), best.predict_proba(TEXTS))
    fresh = clone(best)
    assert not hasattr(fresh[-1], "files_")
    assert np.array_equal(fresh.fit(TEXTS, LABELS).predict(TEXTS), best.predict(TEXTS))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_table_of_series_stands_behind_a_scaler() -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(40, 12)) + np.repeat([[0.0], [3.0]], 20, axis=0)
    steps = make_pipeline(StandardScaler(), SequenceClassifier(epochs=3, hidden_size=4))
    assert cross_val_score(steps, x, ["low"] * 20 + ["high"] * 20, cv=2).shape == (2,)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_tagger_and_a_forecaster_are_searched_and_pickled() -> None:
    rows, tags = [["a", "dog", "barks"], ["the", "cat", "sees"]] * 10, [["D", "N", "V"]] * 20
    search = GridSearchCV(SequenceTagger(epochs=1), {"hidden_size": [4, 8]}, cv=2).fit(rows, tags)
    again = pickle.loads(pickle.dumps(search.best_estimator_))  # noqa: S301
    assert again.predict(rows) == search.predict(rows)
    wave = np.sin(np.arange(150) / 5)
    fitted = SequenceForecaster(horizon=3, epochs=1, hidden_size=4).fit(wave)
    again = pickle.loads(pickle.dumps(fitted))  # noqa: S301
    assert np.array_equal(again.predict(), fitted.predict())
    assert np.allclose(clone(fitted).fit(wave).predict(), fitted.predict())


class AfterTwo(recurra.Callback):
    """Has enough after two epochs."""

    def __init__(self) -> None:
        self.epochs = 0

    def on_epoch_end(self, step: Any) -> bool:
        self.epochs += 1
        return self.epochs == 2


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_callbacks_hear_of_epochs_and_end_a_training() -> None:
    heard = AfterTwo()
    fitted = SequenceClassifier(epochs=30, hidden_size=4, callbacks=[heard]).fit(TEXTS, LABELS)
    assert heard.epochs in (2, 3)
    assert fitted.run_.metrics["ended"] == "callback"
    assert clone(fitted).callbacks[0].epochs == heard.epochs
    assert pickle.loads(pickle.dumps(fitted)).predict(TEXTS).shape == (30,)  # noqa: S301
