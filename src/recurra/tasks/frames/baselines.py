"""Baselines of a model of frames, on the same split."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from recurra.baselines.frames.coarse import coarse
from recurra.baselines.frames.feedforward import Feedforward, fit_logistic, fit_perceptron
from recurra.baselines.frames.neighbour import dtw_cells, nearest, nearest_by_dtw, nearest_row
from recurra.baselines.frames.summary import summary
from recurra.baselines.frames.windows import Floats, windows
from recurra.baselines.majority import Majority
from recurra.report.record import Baseline
from recurra.tasks.frames.data import FramesData, Int64, Part
from recurra.tasks.frames.preprocessor import Float32, FramesPreprocessor
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
    if data.preprocessor.per_frame:
        return [*found, *_of_frames(data, part, seed)]
    rows = data.preprocessor.picture is not None and data.preprocessor.picture.rows
    return [*found, *(_of_pictures if rows else _of_sequences)(data, part, seed)]


def _seen(part: Part, made: FramesPreprocessor) -> list[Float32]:
    """Sequences of numbers: as the network reads them, pictures of clips coarser."""
    if made.picture is None or made.picture.rows:
        return [np.asarray(one, np.float32) for one in part.encoded]
    return [coarse(made.picture.pictures(np.asarray(one, np.uint8))) for one in part.encoded]


def _as_read(part: Part, made: FramesPreprocessor) -> list[Float32]:
    """Before a sequence is scaled by its own mean and deviation, which are the same for all then."""
    mean = np.array(made.mean)
    return [np.where(np.isnan(one.values), mean, one.values).astype(np.float32) for one in part.sequences]


def _of_pictures(data: FramesData, part: Part, seed: int) -> list[Baseline]:
    """What looks at a whole picture at once, no row before another: logistic regression, a perceptron, the nearest."""
    train, validation, count = data.parts["train"], data.parts["validation"], len(data.preprocessor.classes)
    rows, held, asked = (_whole(each) for each in (train, validation, part))
    found = [
        _fitted(name, _fitting(fit, rows, train.targets, count, (held, validation.targets), seed), part, asked)
        for name, fit in (("logistic, whole picture", fit_logistic), ("perceptron, whole picture", fit_perceptron))
    ]
    begun = time.perf_counter()
    answers = nearest_row(rows, train.targets, asked)
    return [*found, Baseline("nearest picture", scores(part.targets, answers), None, time.perf_counter() - begun)]


def _whole(part: Part) -> Floats:
    return np.stack([np.asarray(one, np.float64).ravel() for one in part.encoded])


def _of_sequences(data: FramesData, part: Part, seed: int) -> list[Baseline]:
    """Logistic regression on statistics of each channel; the nearest training sequence, stretched or warped."""
    train, validation = data.parts["train"], data.parts["validation"]
    rows, held, asked = (_seen(each, data.preprocessor) for each in (train, validation, part))
    seen, others, last = rows, held, asked
    if data.preprocessor.scale != "training" and data.preprocessor.picture is None:
        seen, others, last = (_as_read(each, data.preprocessor) for each in (train, validation, part))
    found = [
        _fitted(
            "logistic, mean deviation min max slope",
            lambda: fit_logistic(
                summary(seen),
                train.targets,
                len(data.preprocessor.classes),
                (summary(others), validation.targets),
            ),
            part,
            summary(last),
        )
    ]
    begun = time.perf_counter()
    answers = nearest(rows, train.targets, asked)
    found.append(Baseline("nearest sequence", scores(part.targets, answers), None, time.perf_counter() - begun))
    longest = max(map(len, rows))
    if dtw_cells(rows, asked) <= MOST_CELLS and len(train) * len(part) * longest <= MOST_MEMORY:
        begun = time.perf_counter()
        answers = nearest_by_dtw(rows, train.targets, asked)
        seconds = time.perf_counter() - begun
        found.append(Baseline("nearest sequence, time warped", scores(part.targets, answers), None, seconds))
    return found


def _of_frames(data: FramesData, part: Part, seed: int) -> list[Baseline]:
    """Logistic regression on a frame alone; a perceptron on the frames around it."""
    train, validation, count = data.parts["train"], data.parts["validation"], len(data.preprocessor.classes)
    rows, held_out, asked = (_seen(each, data.preprocessor) for each in (train, validation, part))
    some = np.unique(np.linspace(0, len(train.targets) - 1, MOST_ROWS).astype(np.int64))
    found = []
    for name, around, fit in (
        ("logistic, one frame", 0, fit_logistic),
        (f"perceptron, {2 * AROUND + 1} frames", AROUND, fit_perceptron),
    ):
        seen, targets = windows(rows, around)[some], train.targets[some]
        held = windows(held_out, around), validation.targets
        found.append(_fitted(name, _fitting(fit, seen, targets, count, held, seed), part, windows(asked, around)))
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
