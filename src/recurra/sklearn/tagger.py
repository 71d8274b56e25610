"""A tag for each token."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from recurra.errors import UsageError
from recurra.sklearn.trained import Trained


def _checked(name: str, rows: Any) -> list[list[str]]:
    if isinstance(rows, str) or not hasattr(rows, "__len__"):
        raise UsageError(f"{name} must be a list of lists, got a {type(rows).__name__}")
    for number, row in enumerate(rows, start=1):
        if isinstance(row, str) or not isinstance(row, Iterable) or not all(isinstance(each, str) for each in row):
            raise UsageError(f"row {number} of {name} must be a list of texts")
    return [list(row) for row in rows]


class SequenceTagger(Trained):
    """A recurrent tagger: the task `tag`.

    >>> SequenceTagger(epochs=5).fit([["a", "dog", "barks"]], [["DET", "NOUN", "VERB"]]).predict([["a", "cat"]])

    X: lists of tokens; y: a list of tags for each, equally long. tags_: the tags that it knows
    Errors: UsageError (a ValueError too) for rows that do not fit, with the number of the row
    """

    def fit(self, X: Any, y: Any) -> SequenceTagger:
        """Train. A tenth of the sentences is set apart to choose the best weights by."""
        tokens, tags = _checked("X", X), _checked("y", y)
        check_consistent_length(tokens, tags)
        for number, (row, own) in enumerate(zip(tokens, tags, strict=True), start=1):
            if len(row) != len(own):
                raise UsageError(f"row {number} has {len(row)} tokens and {len(own)} tags")
        self.tags_ = sorted({tag for row in tags for tag in row})
        self._train(list(zip(tokens, tags, strict=True)), task="tag", split=(0.9, 0.1, 0.0))
        return self

    def predict(self, X: Any) -> list[list[str]]:
        """The tags of each sentence."""
        check_is_fitted(self, "files_")
        return [list(answer.tags) for answer in self.run_.predict(_checked("X", X))]

    def score(self, X: Any, y: Any) -> float:
        """Share of the tokens that get the right tag, 0 to 1."""
        pairs = [(a, b) for tags, own in zip(self.predict(X), y, strict=True) for a, b in zip(tags, own, strict=True)]
        return float(np.mean([a == b for a, b in pairs]))
