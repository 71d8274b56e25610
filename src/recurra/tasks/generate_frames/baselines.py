"""Baselines of a generator of frames: densities that see the class, and one or two frames before."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from recurra.report.record import Baseline
from recurra.tasks.generate_frames.data import GenerateFramesData, Part

Floats = npt.NDArray[np.float64]

LEAST = math.exp(-5)
"""Deviation, of scaled numbers."""
ORDER = 2
"""Frames before that the regression sees."""
PENALTY = 1e-2
"""Of its squared weights, a mean over frames."""


def baselines(data: GenerateFramesData, part: Part) -> list[Baseline]:
    """A Gaussian of each class; one around the frame before; one around a linear regression on two frames before."""
    found = []
    for name, fit in (
        ("Gaussian of each class", _of_class),
        ("frame before, and a Gaussian of each class", _of_steps),
        (f"linear regression on {ORDER} frames before", _of_regression),
    ):
        begun = time.perf_counter()
        score, size = fit(data)
        seconds = time.perf_counter() - begun
        pairs = zip(part.encoded, part.labels.tolist(), strict=True)
        total = sum(score(np.asarray(row, np.float64), label) for row, label in pairs)
        found.append(Baseline(name, {"nats_per_number": total / part.numbers}, 4 * size, seconds))
    return found


Score = Callable[[Floats, int], float]
"""What a sequence of a class costs, its end included, in nats."""


def _of_class(data: GenerateFramesData) -> tuple[Score, int]:
    rows = _by_class(data, lambda row: row)
    scales = [_scales(each) for each in rows]
    ends = _ends(data)
    return lambda row, label: _gaussian(row - scales[label][0], scales[label][1]) + ends(len(row), label), 2 * sum(
        each.shape[1] for each in rows
    )


def _of_steps(data: GenerateFramesData) -> tuple[Score, int]:
    steps = [_scales(each) for each in _by_class(data, _steps)]
    ends = _ends(data)
    return lambda row, label: _gaussian(_steps(row) - steps[label][0], steps[label][1]) + ends(len(row), label), sum(
        2 * len(each[0]) for each in steps
    )


def _of_regression(data: GenerateFramesData) -> tuple[Score, int]:
    """Every number on all numbers of the frames before and on the class; one deviation for each channel."""
    train, count = data.parts["train"], len(data.preprocessor.classes)
    pairs = list(zip(train.encoded, train.labels.tolist(), strict=True))
    inputs = np.concatenate([_seen(np.asarray(row, np.float64), label, count) for row, label in pairs])
    targets = np.concatenate([np.asarray(row, np.float64) for row, _ in pairs])
    gram = inputs.T @ inputs + PENALTY * len(inputs) * np.eye(inputs.shape[1])
    weights = np.linalg.solve(gram, inputs.T @ np.nan_to_num(targets))
    deviation = np.maximum(np.sqrt(np.nanmean((targets - inputs @ weights) ** 2, 0)), LEAST)
    ends = _ends(data)

    def score(row: Floats, label: int) -> float:
        return _gaussian(row - _seen(row, label, count) @ weights, deviation) + ends(len(row), label)

    return score, weights.size + deviation.size


def _by_class(data: GenerateFramesData, made: Callable[[Floats], Floats]) -> list[Floats]:
    train = data.parts["train"]
    rows = [made(np.asarray(row, np.float64)) for row in train.encoded]
    return [
        np.concatenate([rows[place] for place in np.flatnonzero(train.labels == label)])
        for label in range(len(data.preprocessor.classes))
    ]


def _scales(rows: Floats) -> tuple[Floats, Floats]:
    """Mean and deviation of each column, 0 and 1 where nothing is known."""
    known = ~np.isnan(rows)
    count = known.sum(0)
    mean = np.nan_to_num(rows).sum(0) / np.maximum(count, 1)
    deviation = np.sqrt((np.nan_to_num(rows - mean) ** 2).sum(0) / np.maximum(count, 1))
    return mean, np.where(count, np.maximum(deviation, LEAST), 1.0)


def _steps(row: Floats) -> Floats:
    """From each frame to the next, the first from 0, the mean."""
    before = np.concatenate([np.zeros((1, row.shape[1])), np.nan_to_num(row[:-1])])
    found: Floats = row - before
    return found


def _seen(row: Floats, label: int, count: int) -> Floats:
    """The frames before, the class, and both together at the beginning. Shapes: [T, I] -> [T, ORDER I + 2 C]"""
    known = np.nan_to_num(row)
    past = [np.concatenate([np.zeros((min(k, len(row)), row.shape[1])), known[:-k]]) for k in range(1, ORDER + 1)]
    classes = np.zeros((len(row), 2 * count))
    classes[:, label] = 1
    classes[:ORDER, count + label] = 1
    return np.concatenate([*past, classes], 1)


def _gaussian(away: Floats, deviation: Floats) -> float:
    """Of numbers so far from their means, where they are known. Units: nats"""
    each = 0.5 * (away / deviation) ** 2 + np.log(deviation) + 0.5 * math.log(2 * math.pi)
    return float(np.nansum(each))


def _ends(data: GenerateFramesData) -> Callable[[int, int], float]:
    """What the length of a sequence costs: each frame of a class is the last one as often as in training."""
    train = data.parts["train"]
    lengths = np.array([len(row) for row in train.encoded], np.float64)
    chances = [
        min(1 / lengths[train.labels == label].mean(), 1 - 1e-6) for label in range(len(data.preprocessor.classes))
    ]
    return lambda length, label: -(length - 1) * math.log1p(-chances[label]) - math.log(chances[label])
