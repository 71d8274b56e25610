"""scikit-learn's own checks of an estimator."""

from __future__ import annotations

import pytest

pytest.importorskip("sklearn")

from sklearn.utils.estimator_checks import check_estimator

from recurra.sklearn import SequenceClassifier

SKIPPED = {("check_array_api_input", "skipped")}
"""It asks for arrays of other libraries, SCIPY_ARRAY_API=1; sequences are arrays of numpy here."""


@pytest.mark.slow
@pytest.mark.timeout(1800)  # some hundred trainings
@pytest.mark.filterwarnings("ignore")
def test_a_classifier_passes_all_that_apply() -> None:
    found = check_estimator(SequenceClassifier(epochs=40, hidden_size=16, learning_rate=0.02), on_fail=None)
    others = {(one["check_name"], one["status"]) for one in found if one["status"] != "passed"}
    assert others <= SKIPPED, others
    assert len(found) > 50
