"""What drawn sequences are worth: how recognisable, how new, how different."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recurra.baselines.frames.feedforward import fit_logistic
from recurra.tasks.generate_frames.data import GenerateFramesData, Part
from recurra.tasks.generate_frames.drawing import draw
from recurra.tasks.generate_frames.preprocessor import Float32
from recurra.topologies.frame_generator import FrameGenerator

Floats = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

STEPS = 16
"""Moments at which sequences of any length are compared."""
MOST = 4000
"""Training sequences that are looked at."""


@dataclass(frozen=True)
class Drawn:
    """Scaled sequences [T, I] and the classes [N] that they are of."""

    sequences: list[Float32]
    labels: Int64


def from_network(
    network: FrameGenerator,
    data: GenerateFramesData,
    labels: Int64,
    *,
    temperature: float,
    seed: int,
    length: int,
) -> Drawn:
    """A sequence of the network for each label."""
    drawn = draw(network, data.preprocessor, labels.tolist(), length=length, temperature=temperature, seed=seed)
    return Drawn([frames for frames, _ in drawn], labels)


def mean_course(data: GenerateFramesData, labels: Int64) -> Drawn:
    """For each label the mean of its training sequences, brought to their mean length."""
    train, found = data.parts["train"], {}
    for label in np.unique(labels).tolist():
        own = [train.encoded[place] for place in np.flatnonzero(train.labels == label)]
        length = max(1, round(float(np.mean([len(row) for row in own]))))
        found[label] = np.mean([at_moments(row, length) for row in own], 0).astype(np.float32)
    return Drawn([found[label] for label in labels.tolist()], labels)


def real(part: Part) -> Drawn:
    """The sequences of a part."""
    return Drawn(list(part.encoded), part.labels)


def at_moments(row: npt.NDArray[np.floating], count: int) -> Floats:
    """A sequence at evenly spaced moments, between frames in proportion. [T, I] -> [count, I]"""
    known = np.nan_to_num(np.asarray(row, np.float64))
    at = np.linspace(0, len(known) - 1, count)
    before = at.astype(np.int64)
    after = np.minimum(before + 1, len(known) - 1)
    share = (at - before)[:, None]
    found: Floats = known[before] * (1 - share) + known[after] * share
    return found


def rows_of(sequences: Sequence[npt.NDArray[np.floating]]) -> Floats:
    """One row of numbers for each: its course, and how long it is. [N, STEPS I + 1]"""
    return np.stack([np.append(at_moments(row, STEPS).ravel(), np.log(len(row))) for row in sequences])


def recogniser(data: GenerateFramesData) -> Callable[[Sequence[Float32]], Int64]:
    """A logistic regression over the courses of real training sequences: sequences to the places of their classes."""
    train, validation = data.parts["train"], data.parts["validation"]
    fitted = fit_logistic(
        rows_of(train.encoded[:MOST]),
        train.labels[:MOST],
        len(data.preprocessor.classes),
        (rows_of(validation.encoded), validation.labels),
    )
    return lambda sequences: fitted.predict(rows_of(sequences))


def quality(
    drawn: Drawn, data: GenerateFramesData, recognise: Callable[[Sequence[Float32]], Int64] | None
) -> dict[str, float]:
    """Of drawn sequences, by name.

    recognised: share taken for the class that they were drawn for; from_training: distance to the nearest training
    sequence of the class, apart: mean distance of two of one class, both root mean squares of scaled numbers over the
    course; length: mean number of frames
    """
    train, found = data.parts["train"], {}
    if recognise is not None:
        found["recognised"] = float((recognise(drawn.sequences) == drawn.labels).mean())
    near, apart, courses = [], [], rows_of(drawn.sequences)[:, :-1]
    known = rows_of(train.encoded[:MOST])[:, :-1]
    for label in np.unique(drawn.labels).tolist():
        own, others = courses[drawn.labels == label], known[train.labels[:MOST] == label]
        near += _distances(own, others).min(1).tolist()
        if len(own) > 1:
            between = _distances(own, own)
            apart.append(between.sum() / (len(own) * (len(own) - 1)))
    found["from_training"] = float(np.mean(near))
    found["apart"] = float(np.mean(apart)) if apart else 0.0
    return found | {"length": float(np.mean([len(row) for row in drawn.sequences]))}


def _distances(a: Floats, b: Floats) -> Floats:
    """Root mean squares of the differences. Shapes: [N, D], [M, D] -> [N, M]"""
    squares = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
    found: Floats = np.sqrt(np.maximum(squares, 0) / a.shape[1])
    return found
