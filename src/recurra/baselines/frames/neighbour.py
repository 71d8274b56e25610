"""The class of the nearest training sequence, as the classics of time series have it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
POINTS = 50
"""To which sequences are stretched where they are not aligned."""


def nearest(
    train: Sequence[npt.NDArray[np.floating]], labels: Int64, asked: Sequence[npt.NDArray[np.floating]]
) -> Int64:
    """By Euclidean distance, all sequences stretched to one length. N x [T, I], [N], M x [T, I] -> [M]"""
    return nearest_row(_stretched(train), labels, _stretched(asked))


def nearest_row(train: Floats, labels: Int64, asked: Floats) -> Int64:
    """By Euclidean distance of rows of numbers. [N, I], [N], [M, I] -> [M]"""
    found = ((asked**2).sum(1)[:, None] + (train**2).sum(1)[None] - 2 * asked @ train.T).argmin(1)
    return np.asarray(labels[found], np.int64)


def nearest_by_dtw(
    train: Sequence[npt.NDArray[np.floating]], labels: Int64, asked: Sequence[npt.NDArray[np.floating]]
) -> Int64:
    """By dynamic time warping: of all ways to align two sequences, the one of the least sum of squared distances.

    All pairs are aligned at once, in memory of a row of the table for each. Shapes: as `nearest`
    Source: Sakoe & Chiba 1978
    """
    long_a, long_b = max(map(len, asked)), max(map(len, train))
    ends_a, ends_b = np.array([len(one) for one in asked]), np.array([len(one) for one in train])
    a, b = _padded(asked, long_a), _padded(train, long_b)
    squares_a, squares_b = (a**2).sum(2), (b**2).sum(2)
    found = np.full((len(asked), len(train)), np.inf)
    before = np.full((long_b + 1, len(asked), len(train)), np.inf)
    before[0] = 0
    for i in range(long_a):
        row = np.empty_like(before)
        row[0] = np.inf
        for j in range(long_b):
            cost = squares_a[:, i, None] + squares_b[None, :, j] - 2 * a[:, i] @ b[:, j].T
            row[j + 1] = cost + np.minimum(np.minimum(before[j], before[j + 1]), row[j])
        done_a = ends_a == i + 1
        if done_a.any():
            for j in np.unique(ends_b):
                found[np.ix_(done_a, ends_b == j)] = row[j][np.ix_(done_a, ends_b == j)]
        before = row
    return np.asarray(labels[found.argmin(1)], np.int64)


def dtw_cells(train: Sequence[npt.NDArray[np.floating]], asked: Sequence[npt.NDArray[np.floating]]) -> int:
    """Cells of all tables of `nearest_by_dtw`."""
    return len(train) * len(asked) * max(map(len, asked)) * max(map(len, train))


def _padded(sequences: Sequence[npt.NDArray[np.floating]], length: int) -> Floats:
    made = np.zeros((len(sequences), length, sequences[0].shape[1]))
    for place, one in enumerate(sequences):
        made[place, : len(one)] = one
    return made


def _stretched(sequences: Sequence[npt.NDArray[np.floating]]) -> Floats:
    lengths = {len(one) for one in sequences}
    points = lengths.pop() if len(lengths) == 1 and max(lengths, default=0) <= POINTS else POINTS
    rows = []
    for one in sequences:
        at = np.linspace(0, len(one) - 1, points)
        rows.append(np.stack([np.interp(at, np.arange(len(one)), column) for column in one.T], 1).ravel())
    return np.stack(rows)
