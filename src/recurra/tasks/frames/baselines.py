"""Baselines of a model of frames, on the same split."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from recurra.baselines.frames.feedforward import Feedforward, fit_logistic, fit_perceptron
from recurra.baselines.frames.neighbour import dtw_cells, nearest, nearest_by_dtw
from recurra.baselines.frames.summary import summary
from recurra.baselines.frames.windows import Floats, windows
from recurra.baselines.majority import Majority
from recurra.report.record import Baseline
from recurra.tasks.frames.data import FramesData, Int64, Part
from recurra.tasks.frames.trainee import scores

MOST_CELLS = 2_000_000_000
"""Of the tables of dynamic time warping; with more it is left out."""
MOST_MEMORY = 500_000_000
"""Numbers of one row of all these tables."""
AROUND = 10
"""Frames on either side that the windowed perceptron sees."""
MOST_ROWS = 100_000
"""Frames that baselines learn from, evenly over the training part."""


def baselines(data: FramesData, part: Part, *, seed: int) -> list[Baseline]:
    """What needs no state: see `_of_sequences` and `_of_frames`."""
    classes = data.preprocessor.classes
    majority = Majority.fit(data.parts["train"].targets, classes)
    always = np.full(len(part.targets), majority.label, np.int64)
    found = [Baseline(f"always {classes[majority.label]}", scores(part.targets, always), None, 0.0)]
    return [*found, *(_of_frames if data.preprocessor.per_frame else _of_sequences)(data, part, seed)]


def _of_sequences(data: FramesData, part: Part, seed: int) -> list[Baseline]:
    """Logistic regression on statistics of each channel; the nearest training sequence, stretched or warped."""
    train, validation = data.parts["train"], data.parts["validation"]
    found = [
        _fitted(
            "logistic, mean deviation min max slope",
            lambda: fit_logistic(
                summary(train.encoded), train.targets, len(data.preprocessor.classes),
                (summary(validation.encoded), validation.targets),
            ),
            part, summary(part.encoded),
        )
    ]  # fmt: skip
    begun = time.perf_counter()
    answers = nearest(train.encoded, train.targets, part.encoded)
    found.append(
        Baseline("nearest sequence", scores(part.targets, answers), None, time.perf_counter() - begun)
    )  # fmt: skip
    longest = max(map(len, train.encoded))
    if dtw_cells(train.encoded, part.encoded) <= MOST_CELLS and len(train) * len(part) * longest <= MOST_MEMORY:
        begun = time.perf_counter()
        answers = nearest_by_dtw(train.encoded, train.targets, part.encoded)
        seconds = time.perf_counter() - begun
        found.append(Baseline("nearest sequence, time warped", scores(part.targets, answers), None, seconds))
    return found


def _of_frames(data: FramesData, part: Part, seed: int) -> list[Baseline]:
    """Logistic regression on a frame alone; a perceptron on the frames around it."""
    train, validation, count = data.parts["train"], data.parts["validation"], len(data.preprocessor.classes)
    some = np.unique(np.linspace(0, len(train.targets) - 1, MOST_ROWS).astype(np.int64))
    found = []
    for name, around, fit in (
        ("logistic, one frame", 0, fit_logistic),
        (f"perceptron, {2 * AROUND + 1} frames", AROUND, fit_perceptron),
    ):
        seen, targets = windows(train.encoded, around)[some], train.targets[some]
        held = windows(validation.encoded, around), validation.targets
        found.append(
            _fitted(name, _fitting(fit, seen, targets, count, held, seed), part, windows(part.encoded, around))
        )
    return found


def _fitting(
    fit: Callable[..., Feedforward], seen: Floats, targets: Int64, count: int, held: tuple[Floats, Int64], seed: int
) -> Callable[[], Feedforward]:
    more = {"seed": seed} if fit is fit_perceptron else {}
    return lambda: fit(seen, targets, count, held, **more)


def _fitted(name: str, fit: Callable[[], Feedforward], part: Part, rows: Floats) -> Baseline:
    begun = time.perf_counter()
    made = fit()
    seconds = time.perf_counter() - begun
    return Baseline(name, scores(part.targets, made.predict(rows)), made.size_bytes(), seconds)
