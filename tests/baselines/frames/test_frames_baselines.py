"""Baselines of frames, on numbers that can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from recurra.baselines.frames.feedforward import fit_logistic, fit_perceptron
from recurra.baselines.frames.neighbour import nearest, nearest_by_dtw
from recurra.baselines.frames.summary import summary
from recurra.baselines.frames.windows import windows


def test_a_summary_has_mean_deviation_extremes_and_slope() -> None:
    found = summary([np.array([[1.0], [3.0], [5.0]]), np.array([[2.0]])])
    np.testing.assert_allclose(found[0], [3, np.sqrt(8 / 3), 1, 5, 2])
    np.testing.assert_allclose(found[1], [2, 0, 2, 2, 0])


def test_windows_repeat_the_ends() -> None:
    found = windows([np.array([[1.0], [2.0], [3.0]]), np.array([[9.0]])], 1)
    assert found.tolist() == [[1, 1, 2], [1, 2, 3], [2, 3, 3], [9, 9, 9]]


def test_warping_finds_what_is_late_where_stretching_does_not() -> None:
    bump = np.exp(-((np.arange(20.0) - 5) ** 2))[:, None]
    late, flat = np.roll(bump, 8, 0), np.zeros((20, 1))
    assert nearest([bump, flat], np.array([0, 1]), [late]).tolist() == [1]
    assert nearest_by_dtw([bump, flat], np.array([0, 1]), [late, flat]).tolist() == [0, 1]


def _dtw(a: np.ndarray, b: np.ndarray) -> float:
    table = np.full((len(a) + 1, len(b) + 1), np.inf)
    table[0, 0] = 0
    for i in range(len(a)):
        for j in range(len(b)):
            cost = ((a[i] - b[j]) ** 2).sum()
            table[i + 1, j + 1] = cost + min(table[i, j], table[i, j + 1], table[i + 1, j])
    return float(table[-1, -1])


def test_warping_of_all_pairs_at_once_is_that_of_each() -> None:
    rng = np.random.default_rng(0)
    train = [rng.normal(size=(n, 2)) for n in (3, 7, 5, 1)]
    asked = [rng.normal(size=(n, 2)) for n in (4, 1, 6)]
    expected = [int(np.argmin([_dtw(one, other) for other in train])) for one in asked]
    assert nearest_by_dtw(train, np.arange(4), asked).tolist() == expected


@pytest.mark.parametrize("fit", [fit_logistic, fit_perceptron])
def test_classes_apart_in_their_means_are_told_apart(fit: object) -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(120) % 3
    rows = rng.normal(size=(120, 2)) + 8 * np.array([[0, 0], [1, 0], [0, 1]])[labels]
    made = fit(rows[:90], labels[:90], 3, (rows[90:], labels[90:]))  # type: ignore[operator]
    assert (made.predict(rows) == labels).mean() > 0.98
    assert made.size_bytes() > 0
