"""What the network's window, transform and scale are: what a linear forecast does best with on validation.

A ridge regression takes a fraction of a second, so that all are tried before the network is built; the best one's
regression becomes its linear skip.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.baselines.forecast.ridge import Ridge, fit_path
from recurra.data.series.calendar import cycle_names
from recurra.data.series.panel import Panel
from recurra.data.series.scaling import Transform, possible_transforms, scale_of, transform_for
from recurra.data.series.windows import Origins, every_origin
from recurra.tasks.forecast.encoded import Encoded, encode
from recurra.tasks.forecast.preprocessor import Preprocessor, fitted
from recurra.topologies.forecaster import FLOOR

Floats = npt.NDArray[np.float64]

MOST_WINDOWS, MOST_HELD_OUT = 12_000, 3_000
"""Windows that a regression is fitted and evaluated on; of more, every so many."""
MARGIN = 0.01
"""The share by which a forecast that reads the calendar must be better than one that does not."""
FEWEST = 12
"""Windows of training that a length of window must leave."""


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
class Chosen:
    """A preprocessor, the series as it encodes them, and the linear forecast in its normalised units.

    error: the pinball loss on validation, as the values' own units over each series' scale; tried: how many there were
    """

    preprocessor: Preprocessor
    encoded: Encoded
    ridge: Ridge
    residuals: Floats
    error: float
    tried: int


def choose(
    panel: Panel,
    parts: Parts,
    *,
    windows: Sequence[int],
    transform: str,
    normalise: str,
    dates: bool | None,
    fixed: dict[str, Any],
) -> Chosen | None:
    """The best of the windows, the transforms, the scales, and of reading the calendar or not.

    transform, normalise: "auto" for all that are possible; dates: None for both; fixed: what else a preprocessor holds
    None if no window leaves FEWEST examples
    """
    known = [one.target[:end] for one, end in zip(panel.series, parts.validation, strict=True)]
    transforms = possible_transforms(known) if transform == "auto" else [_named(transform, known)]
    scales = (True, False) if normalise == "auto" else (normalise == "window",)
    cycles = cycle_names(panel.frequency, max(parts.train))
    nothing: tuple[str, ...] = ()
    calendars = sorted({nothing, cycles}) if dates is None else [cycles if dates else nothing]
    best: Chosen | None = None
    count = 0
    for one in transforms:
        for read in calendars:
            start = fitted(panel, parts.train, one, window=max(windows), by_window=True, cycles=read, **fixed)
            encoded = encode(panel, start)
            for window, by_window in product(windows, scales):
                made = replace(start, window=window, by_window=by_window)
                found = tried(made, replace(encoded, preprocessor=made), parts)
                count += found is not None
                if found is not None and (best is None or _cost(found) < _cost(best)):
                    best = found
    return None if best is None else replace(best, tried=count)


def _cost(found: Chosen) -> float:
    """The error, with what the calendar must be better by: it is more to learn from the same windows."""
    return found.error * (1 + (MARGIN if found.preprocessor.dates else 0.0))


def _named(name: str, values: list[Floats]) -> Transform:
    return transform_for(name, values)  # type: ignore[arg-type]


def tried(made: Preprocessor, encoded: Encoded, parts: Parts) -> Chosen | None:
    """A regression with the penalty that validation likes best; None where too few windows are left."""
    train = thinned(parts.origins("train", made.window, made.block), MOST_WINDOWS)
    held_out = thinned(parts.origins("validation", made.window, made.block), MOST_HELD_OUT)
    if len(train) < FEWEST or not len(held_out):
        return None
    inputs, targets, _, _ = linear_parts(encoded, train)
    whole = ~np.isnan(targets).any((1, 2))
    if whole.sum() < FEWEST:
        return None
    inputs, targets = inputs[whole], targets[whole]
    flat = targets.reshape(len(targets), -1)
    unseen, _, last, scale = linear_parts(encoded, held_out)
    truth, size = _true(encoded, held_out), _sizes(encoded, parts)[held_out.series]
    ridge = min(
        fit_path(inputs, flat),
        key=lambda one: _absolute(values_of(one.predict(unseen), last, scale, made), truth, size),
    )
    residuals = (flat - ridge.predict(inputs)).reshape(targets.shape)
    offsets = np.quantile(residuals, made.levels, axis=0)  # [Q, H, K]
    offsets = offsets - offsets[made.levels.index(0.5)]
    median = ridge.predict(unseen).reshape(len(unseen), made.block, -1)
    error = 0.0
    for level, offset in zip(made.levels, offsets, strict=True):
        quantile = values_of(median + offset, last, scale, made)
        over = (truth - quantile) / size[:, None]
        error += float(np.nanmean(np.maximum(level * over, (level - 1) * over)))
    return Chosen(made, encoded, ridge, residuals, 2 * error / len(made.levels), 1)


def linear_parts(encoded: Encoded, origins: Origins) -> tuple[Floats, Floats, Floats, Floats]:
    """What the linear skip reads and should give, as topologies.forecaster normalises it.

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
        linear = ((values - last[:, None]) / scale[:, None]).reshape(len(values), -1)
        if made.widths.ahead:
            linear = np.concatenate([linear, seen.ahead.numpy()[:, made.window].astype(np.float64)], 1)
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


def _blocks(origins: Origins, size: int = 4096) -> Iterator[Origins]:
    for start in range(0, len(origins), size):
        yield origins[slice(start, start + size)]


def values_of(found: Floats, last: Floats, scale: Floats, made: Preprocessor) -> Floats:
    """Normalised forecasts as values. Shapes: [N, H * K] or [N, H, K] -> [N, H, K]"""
    shaped = found.reshape(len(found), made.block, -1)
    return made.transform.inverse(shaped * scale[:, None] + last[:, None])


def _true(encoded: Encoded, origins: Origins) -> Floats:
    return encoded.true(origins)[:, : encoded.preprocessor.block]


def _sizes(encoded: Encoded, parts: Parts) -> Floats:
    """How large each series is in its own units, in training. [series, K]"""
    return np.stack([scale_of(one.target[:end]) for one, end in zip(encoded.panel.series, parts.train, strict=True)])


def _absolute(found: Floats, truth: Floats, size: Floats) -> float:
    return float(np.nanmean(np.abs(found - truth) / size[:, None]))
