"""What stands beside a forecaster's network: a ridge regression, with a perceptron of what it leaves if that helps."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recurra.baselines.forecast.drawn_perceptron import DrawnPerceptron, hidden
from recurra.baselines.forecast.ridge import Ridge, fit_path
from recurra.data.series.scaling import scale_of
from recurra.data.series.windows import Origins, every_origin
from recurra.tasks.forecast.encoded import Encoded
from recurra.tasks.forecast.preprocessor import Preprocessor
from recurra.topologies.forecaster import FLOOR

Floats = npt.NDArray[np.float64]

MOST_WINDOWS, MOST_HELD_OUT = 12_000, 3_000
"""Windows that a regression is fitted and evaluated on; of more, every so many."""
FEWEST = 12
"""Windows of training that a length of window must leave."""
FOLDS = 5
"""Parts of the training part, each of which is forecast by a skip that was fitted to the others."""


@dataclass(frozen=True)
class Parts:
    """Of each series, where its training and its validation part end. Units: steps"""

    train: list[int]
    validation: list[int]

    def origins(self, part: str, window: int, horizon: int) -> Origins:
        """Every origin whose whole horizon lies in a part."""
        if part == "train":
            bounds = [(0, end) for end in self.train]
        else:
            bounds = list(zip(self.train, self.validation, strict=True))
        return every_origin(bounds, horizon, [window] * len(bounds))


@dataclass(frozen=True)
class Skip:
    """first: the first of the inputs that the perceptron reads; still: whether the last value is repeated, which no
    examples change"""

    ridge: Ridge
    perceptron: DrawnPerceptron | None = None
    first: int = 0
    still: bool = False

    @classmethod
    def repeating(cls, inputs: int, outputs: int) -> Skip:
        """Says the last value again and again. Of so many inputs, to so many outputs"""
        return cls(Ridge(np.zeros((inputs, outputs)), np.zeros(outputs), math.inf), still=True)

    def predict(self, inputs: Floats) -> Floats:
        """Shapes: inputs [N, X] -> [N, H * K]"""
        found = self.ridge.predict(inputs)
        return found if self.perceptron is None else found + self.perceptron.predict(inputs[:, self.first :])

    def refitted(self, inputs: Floats, targets: Floats) -> Skip:
        """To other examples, with the same penalties; a perceptron that was trained stays as it is.

        Shapes: inputs [N, X], targets [N, H * K], no NaN in them
        """
        if self.still:
            return self
        (ridge,) = fit_path(inputs, targets, (self.ridge.alpha,))
        if self.perceptron is None or self.perceptron.trained:
            return Skip(ridge, self.perceptron, self.first)
        drawn = self.perceptron
        units = hidden(inputs[:, self.first :], drawn.weight, drawn.bias)
        left = targets - ridge.predict(inputs)
        (output,) = fit_path(units, left, (drawn.output.alpha,))
        return Skip(ridge, DrawnPerceptron.of(drawn.weight, drawn.bias, output, left), self.first)

    def cross_fitted(self, inputs: Floats, targets: Floats, gap: int) -> Floats:
        """What skips say of examples that they were not fitted to: each fold in turn is left out, with `gap` of its
        neighbours on both sides.

        Shapes: inputs [N, X], targets [N, H * K], NaN where unknown; the examples in the order of time -> [N, H * K]
        Source: Wolpert 1992 (stacked generalisation)
        """
        whole, place = ~np.isnan(targets).any(1), np.arange(len(inputs))
        bounds = np.linspace(0, len(inputs), FOLDS + 1).astype(np.int64)
        found = self.predict(inputs)
        for low, high in itertools.pairwise(bounds.tolist()):
            others = whole & ((place < low - gap) | (place >= high + gap))
            if high > low and others.sum() >= FEWEST:
                found[low:high] = self.refitted(inputs[others], targets[others]).predict(inputs[low:high])
        return found


@dataclass(frozen=True)
class Seen:
    """Forecasts of a part: what a skip reads there, and what came.

    Shapes: inputs [N, X], last, scale [N, K], truth [N, H, K] in the values' own units, NaN where unknown, size [N, K],
    each series' scale
    """

    origins: Origins
    inputs: Floats
    last: Floats
    scale: Floats
    truth: Floats
    size: Floats

    def absolute(self, found: Floats, made: Preprocessor) -> Floats:
        """Of each, the mean absolute error over its series' scale, NaN where nothing is known. [N]

        Shapes: found [N, H * K], normalised
        """
        each = np.abs(values_of(found, self.last, self.scale, made) - self.truth) / self.size[:, None]
        known = ~np.isnan(each)
        counts = known.sum((1, 2))
        sums = np.where(known, each, 0.0).sum((1, 2))
        return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


@dataclass(frozen=True)
class Examples:
    """What a skip is fitted to, targets [N, H * K] without NaN, and what it is chosen by, wanted [M, H * K] there."""

    train: Seen
    targets: Floats
    held_out: Seen
    wanted: Floats


def examples(made: Preprocessor, encoded: Encoded, parts: Parts) -> Examples | None:
    """None where too few windows are left."""
    train = thinned(parts.origins("train", made.window, made.block), MOST_WINDOWS)
    held_out = thinned(parts.origins("validation", made.window, made.block), MOST_HELD_OUT)
    if len(train) < FEWEST or not len(held_out):
        return None
    train = train[np.flatnonzero(~np.isnan(encoded.targets(train).numpy()).any((1, 2)))]
    if len(train) < FEWEST:
        return None
    sizes = _sizes(encoded, parts)

    def seen(origins: Origins) -> tuple[Seen, Floats]:
        inputs, targets, last, scale = linear_parts(encoded, origins)
        truth = encoded.true(origins)[:, : made.block]
        return Seen(origins, inputs, last, scale, truth, sizes[origins.series]), targets.reshape(len(targets), -1)

    return Examples(*seen(train), *seen(held_out))


def linear_parts(encoded: Encoded, origins: Origins) -> tuple[Floats, Floats, Floats, Floats]:
    """What the skip reads and should give, as topologies.forecaster normalises it.

    Shapes: -> inputs [N, X], targets [N, H, K], the last values [N, K], the scales [N, K]
    """
    made = encoded.preprocessor
    inputs, targets, lasts, scales = [], [], [], []
    for some in _blocks(origins):
        seen = encoded.windows(some)
        values = seen.values.numpy().astype(np.float64)
        scale = seen.scale.numpy().astype(np.float64)
        if made.by_window:
            scale = np.maximum(values.std(1), FLOOR * scale)
        last = values[:, -1]
        away = (values - last[:, None]) / scale[:, None]
        if made.by_level:
            away[:, -1] = (last - seen.centre.numpy()) / scale
        linear = away.reshape(len(values), -1)
        if made.widths.ahead:
            known = seen.ahead.numpy()[:, made.window : made.window + made.block].astype(np.float64)
            later = known[:, 1:, : made.further].reshape(len(known), -1)
            linear = np.concatenate([linear, known[:, 0], later], 1)
        inputs.append(linear)
        targets.append((encoded.targets(some).numpy() - last[:, None]) / scale[:, None])
        lasts.append(last)
        scales.append(scale)
    return tuple(np.concatenate(each) for each in (inputs, targets, lasts, scales))  # type: ignore[return-value]


def thinned(origins: Origins, most: int) -> Origins:
    """At most so many of them, evenly spread."""
    if len(origins) <= most:
        return origins
    return origins[np.linspace(0, len(origins) - 1, most).astype(np.int64)]


def values_of(found: Floats, last: Floats, scale: Floats, made: Preprocessor) -> Floats:
    """Normalised forecasts as values. Shapes: [N, H * K] or [N, H, K] -> [N, H, K]"""
    shaped = found.reshape(len(found), made.block, -1)
    return made.transform.inverse(shaped * scale[:, None] + last[:, None])


def _blocks(origins: Origins, size: int = 4096) -> Iterator[Origins]:
    for start in range(0, len(origins), size):
        yield origins[slice(start, start + size)]


def _sizes(encoded: Encoded, parts: Parts) -> Floats:
    """How large each series is in its own units, in training. [series, K]"""
    return np.stack([scale_of(one.target[:end]) for one, end in zip(encoded.panel.series, parts.train, strict=True)])
