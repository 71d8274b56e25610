"""A confusion matrix of labels, however many classes there are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from recurra import metrics
from recurra.report.sections import MOST_NAMES, Matrix


def confusion(title: str, true: ArrayLike, predicted: ArrayLike, names: Sequence[str]) -> Matrix:
    """The counts of the classes with the most examples; memory grows with these, not with the square of all.

    Shapes: true, predicted int [N], below len(names)
    """
    if len(names) <= MOST_NAMES:
        return Matrix(title, list(names), metrics.confusion_matrix(true, predicted, names).tolist())
    truth, guess = np.asarray(true), np.asarray(predicted)
    support = np.bincount(truth, minlength=len(names))
    chosen = np.sort(np.argsort(-support, kind="stable")[:MOST_NAMES])
    shown_as = np.full(len(names), MOST_NAMES)
    shown_as[chosen] = np.arange(MOST_NAMES)
    shown = [names[place] for place in chosen.tolist()]
    counts = metrics.confusion_matrix(shown_as[truth], shown_as[guess], [*shown, "the others"])[:-1, :-1]
    return Matrix(title, shown, counts.tolist(), totals=support[chosen].tolist(), of=len(names))
