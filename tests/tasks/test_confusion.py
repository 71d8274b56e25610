"""A confusion matrix of a few classes, and of many."""

from __future__ import annotations

import numpy as np

from recurra.report.matrix import draw_matrix, drawn, how_to_read
from recurra.report.sections import MOST_NAMES
from recurra.tasks.confusion import confusion


def test_few_classes_are_all_in_it() -> None:
    matrix = confusion("m", [0, 1, 1], [0, 0, 1], ["a", "b"])
    assert (matrix.names, matrix.counts, matrix.of) == (["a", "b"], [[1, 0], [1, 1]], 0)


def test_of_many_classes_those_with_the_most_examples_are() -> None:
    """Rows keep what was taken for classes that are left out."""
    names = [f"c{number}" for number in range(200_000)]
    true = np.repeat(np.arange(100_000, 100_000 + MOST_NAMES), 3)
    guess = true.copy()
    guess[0], guess[1] = 7, 100_001
    matrix = confusion("m", np.append(true, 8), np.append(guess, 8), names)
    assert matrix.names == names[100_000 : 100_000 + MOST_NAMES]
    assert matrix.counts[0][:2] == [1, 1]
    assert [matrix.total(row) for row in range(MOST_NAMES)] == [3] * MOST_NAMES
    assert drawn(matrix) == list(range(MOST_NAMES))
    assert "of 200,000" in how_to_read(matrix)
    assert "<svg" in (draw_matrix(matrix) or "")
