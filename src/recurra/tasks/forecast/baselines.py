"""What a network has to beat, from the same origins."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from recurra.baselines.forecast import classical, naive
from recurra.baselines.forecast.perceptron import fit_perceptron
from recurra.data.series.scaling import filled
from recurra.data.series.windows import Origins, every_origin
from recurra.errors import listed
from recurra.report.record import Baseline
from recurra.tasks.forecast.data import ForecastData, Part
from recurra.tasks.forecast.encoded import encode
from recurra.tasks.forecast.evaluation import point_scores
from recurra.tasks.forecast.skips import linear_parts, thinned, values_of
from recurra.training.history import Clock

Floats = npt.NDArray[np.float64]

SHORT = 5
"""The window of the perceptron of the tutorials."""
LONGEST = 400
"""The longest window of a perceptron: that of a longer season is cut."""
MOST_CLASSICAL = 24
"""Forecasts for which classical methods are refitted each time, at most."""
MOST_WINDOWS = 20_000


def baselines(data: ForecastData, part: Part) -> list[Baseline]:
    """The last value, the last season, the drift, a ridge regression on the window, windowed perceptrons."""
    season = data.preprocessor.season
    tried: list[tuple[str, Callable[[], tuple[Floats, int | None]]]] = [
        ("last value", lambda: (_each(part, naive.last_value), None)),
        ("drift", lambda: (_each(part, naive.drift), None)),
    ]
    if season > 1:
        tried.insert(
            1, ("seasonal naive", lambda: (_each(part, lambda h, n: naive.seasonal_naive(h, n, season)), None))
        )
    if data.preprocessor.block == data.preprocessor.horizon:
        tried.append((f"ridge, window {data.linear[0].window}", lambda: _ridge(data, part)))
    longest = max(1, min(data.parts.train) - data.preprocessor.horizon - 1)
    windows = [min(SHORT, longest)]
    if season > 1 and min(season, LONGEST, longest) > SHORT:
        windows.append(min(season, LONGEST, longest))
    tried += [(f"MLP, window {w}", partial(_perceptron, data, part, w, (64,), False)) for w in windows]
    tried.append(
        (f"deep tanh MLP, window {windows[0]}", lambda: _perceptron(data, part, windows[0], (64, 64, 64), True))
    )
    found = []
    for name, make in tried:
        begun = time.perf_counter()
        made, size = make()
        seconds = time.perf_counter() - begun
        found.append(Baseline(name, point_scores(part.encoded, part.origins, made), size, seconds))
    return found


def _each(part: Part, method: Callable[[Floats, int], Floats]) -> Floats:
    """A method of one history, column by column. [N, H, K]"""
    encoded, horizon = part.encoded, part.encoded.preprocessor.horizon
    made = []
    for series, step in part.origins.each():
        history = encoded.history(series, step)
        made.append(np.stack([method(history[:, k], horizon) for k in range(history.shape[1])], 1))
    return np.stack(made)


def _ridge(data: ForecastData, part: Part) -> tuple[Floats, int]:
    """The best ridge regression alone: the network's skip, where that has no perceptron."""
    made, skip = data.linear
    encoded = part.encoded if made == data.preprocessor else encode(part.encoded.panel, made)
    inputs, _, last, scale = linear_parts(encoded, part.origins)
    return values_of(skip.predict(inputs), last, scale, made), 4 * (skip.ridge.weight.size + skip.ridge.bias.size)


def _perceptron(data: ForecastData, part: Part, window: int, hidden: tuple[int, ...], deep: bool) -> tuple[Floats, int]:
    """A perceptron on values scaled by their training part's mean and deviation, as tutorials have it."""
    encoded, ends = data.encoded, data.parts
    horizon = data.preprocessor.horizon
    first = [window] * len(ends.train)
    train = every_origin([(0, end) for end in ends.train], horizon, first)
    held_out = every_origin(list(zip(ends.train, ends.validation, strict=True)), horizon, first)
    mean, deviation = _levels(data)

    def parts(of: Part, origins: Origins) -> tuple[Floats, Floats]:
        """Shapes: -> [N, W * K], [N, H * K]"""
        start = of.encoded.offset[origins.series] + origins.step
        centre, scale = mean[origins.series][:, None], deviation[origins.series][:, None]
        whole = filled(of.encoded.truth)
        inputs = (whole[start[:, None] + np.arange(-window, 0)] - centre) / scale
        targets = (of.encoded.truth[start[:, None] + np.arange(horizon)] - centre) / scale
        return inputs.reshape(len(start), -1), targets.reshape(len(start), -1)

    own = Part(encoded, train)
    network = fit_perceptron(
        *parts(own, thinned(train, MOST_WINDOWS if data.most_windows is None else data.most_windows)),
        parts(own, thinned(held_out, 2000)),
        hidden=hidden,
        activation="tanh" if deep else "relu",
    )
    inputs, _ = parts(part, part.origins)
    found = network.predict(inputs).reshape(len(inputs), horizon, -1)
    size = 4 * sum(weight.numel() for weight in network.parameters())
    series = part.origins.series
    return found * deviation[series][:, None] + mean[series][:, None], size


def _levels(data: ForecastData) -> tuple[Floats, Floats]:
    """Mean and deviation of each series' training part. [series, K] both"""
    parts = [one.target[:end] for one, end in zip(data.encoded.panel.series, data.parts.train, strict=True)]
    mean = np.stack([np.nan_to_num(np.nanmean(one, 0)) if len(one) else np.zeros(one.shape[1]) for one in parts])
    deviation = np.stack([np.nan_to_num(np.nanstd(one, 0)) if len(one) else np.ones(one.shape[1]) for one in parts])
    return mean, np.where(deviation > 0, deviation, 1.0)


def classical_baselines(
    part: Part, season: int, seconds: float | None, notes: list[str], *, clock: Clock = time.monotonic
) -> list[Baseline]:
    """Where the extra `classical` is there and the origins are few, AutoETS, AutoTheta and AutoARIMA.

    seconds: those that would take longer, going by the first forecast of each, are left out, which `notes` then says
    """
    encoded, horizon = part.encoded, part.encoded.preprocessor.horizon
    columns = encoded.truth.shape[1]
    if not classical.installed() or len(part.origins) * columns > MOST_CLASSICAL:
        return []
    histories = [filled(encoded.history(series, step)) for series, step in part.origins.each()]
    found, left_out, start = [], [], clock()
    for name in classical.NAMES:
        if seconds is not None:
            tried = clock()
            classical.classical_forecasts(name, iter([histories[0][:, 0]]), horizon, season)
            if (clock() - tried) * len(histories) * columns > seconds - (clock() - start):
                left_out.append(name)
                continue
        begun = time.perf_counter()
        made = np.stack(
            [
                np.stack(classical.classical_forecasts(name, iter(h[:, k] for h in histories), horizon, season))
                for k in range(columns)
            ],
            -1,
        )
        took = time.perf_counter() - begun
        found.append(Baseline(name, point_scores(encoded, part.origins, made), None, took))
    if left_out:
        notes.append(f"{listed(left_out)} would have taken longer than the minutes allow; --baselines full fits them")
    return found
