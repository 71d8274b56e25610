"""A class for each sequence."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d

from recurra.errors import UsageError
from recurra.sklearn.sequences import are_texts, sequences_of
from recurra.sklearn.trained import Trained


class SequenceClassifier(ClassifierMixin, Trained):  # type: ignore[misc]
    """A recurrent classifier: the tasks `classify` (texts) and `frames` (numbers).

    >>> SequenceClassifier(cell="gru", epochs=10).fit(texts, labels).predict(["a text"])

    X: texts; or [N, T, C], or a list of arrays [T, C] of any lengths; or a table [N, T], whose rows are series of one
    value a step. y: [N], labels of any kind. settings: further ones of `recurra.train` as a dict; random_state: a
    whole number, None for another one each time. classes_ [C]: the labels, sorted; run_: the model as `recurra.load`
    gives it, with `trace`, `evaluate` and `export`; save(folder): write its model folder.
    Errors: ValueError for what does not fit, UsageError (a ValueError too) for settings that cannot be
    """

    def fit(self, X: Any, y: Any) -> SequenceClassifier:
        """Train. A tenth of the examples is set apart to choose the best weights by."""
        texts = are_texts(X)
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but the target y is None")
        found = sequences_of(self, X, reset=True)
        y = column_or_1d(y, warn=True)
        check_consistent_length(found, y)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"{type(self).__name__} needs examples of two classes, got one class: {self.classes_[0]!r}"
            )
        self.texts_ = texts
        self.channels_ = None if texts else int(found[0].shape[1])
        more: dict[str, Any] = {"task": "classify" if texts else "frames", "split": (0.9, 0.1, 0.0)}
        self._train(found, labels=[str(code) for code in codes], **more)
        return self

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """The probability of each of `classes_` [N, C]."""
        check_is_fitted(self, "files_")
        found = sequences_of(self, X, reset=False, channels=self.channels_)
        if are_texts(X) != self.texts_:
            raise UsageError(f"fitted on {'texts' if self.texts_ else 'numbers'}, asked about the other kind")
        chances = np.zeros((len(found), len(self.classes_)))
        chances[:, [int(name) for name in self.run_.classes]] = self.run_.predict_proba(found)
        return chances

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The most probable class of each [N]."""
        chances = self.predict_proba(X)
        best: npt.NDArray[Any] = self.classes_[chances.argmax(axis=1)]
        return best
