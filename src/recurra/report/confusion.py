"""A confusion matrix of labels, however many classes there are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from recurra import metrics
from recurra.report.sections import Matrix

MOST_DRAWN = 80
"""Classes that a picture has room for: those with the most examples."""


def confusion(title: str, true: ArrayLike, predicted: ArrayLike, names: Sequence[str]) -> Matrix:
    """The counts of the classes with the most examples; memory grows with these, not with the square of all.

    Shapes: true, predicted int [N], below len(names)
    """
    if len(names) <= MOST_DRAWN:
        return Matrix(title, list(names), metrics.confusion_matrix(true, predicted, names).tolist())
    truth, guess = np.asarray(true), np.asarray(predicted)
    support = np.bincount(truth, minlength=len(names))
    chosen = np.sort(np.argsort(-support, kind="stable")[:MOST_DRAWN])
    shown_as = np.full(len(names), MOST_DRAWN)
    shown_as[chosen] = np.arange(MOST_DRAWN)
    shown = [names[place] for place in chosen.tolist()]
    counts = metrics.confusion_matrix(shown_as[truth], shown_as[guess], [*shown, "the others"])[:-1, :-1]
    return Matrix(title, shown, counts.tolist(), totals=support[chosen].tolist(), of=len(names))
