"""What the report shows of forecasts: the forecasts, errors by step, what is left, what the inputs are worth."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
from torch import nn

from recurra.baselines.forecast import naive
from recurra.data.series.intervals import outer
from recurra.data.series.rows import time_text
from recurra.data.series.season import autocorrelation
from recurra.data.series.windows import Origins
from recurra.report.sections import Column, Curves, Line, Pictures, Section, Table, Text
from recurra.tasks.forecast.data import ForecastData, Part
from recurra.tasks.forecast.evaluation import no_better_than_last
from recurra.tasks.forecast.inputs import by_memory, importance, ridge_by_memory
from recurra.tasks.forecast.pictures import of_origin
from recurra.tasks.forecast.skips import thinned

Floats = npt.NDArray[np.float64]

SHOWN = 6
"""Forecasts that are drawn."""
LOOKED_AT = 400
"""Origins from which the worth of inputs is measured, at most."""
MOST_LAGS = 48


def sections(network: nn.Module, data: ForecastData, part: Part, quantiles: Floats) -> list[Section]:
    """data: of the training; quantiles: of the part's origins, as the values were [N, H, K, Q]"""
    some = thinned(part.origins, LOOKED_AT)
    found: list[Section] = [
        _last_value(part, quantiles),
        _forecasts(part, quantiles),
        _by_step(part, quantiles),
        _residuals(part, quantiles),
        _reliability(part, quantiles),
        _memory(network, data, Part(part.encoded, some)),
        _inputs(network, part, some),
        _origins(part, quantiles),
    ]
    return found


def _last_value(part: Part, quantiles: Floats) -> Text:
    """The sentence for series that nothing is known of but their last value, as prices are."""
    title = "Repeating the last value"
    worse = no_better_than_last(part, quantiles[..., part.encoded.preprocessor.levels.index(0.5)])
    return Text(title, [] if worse is None else [worse])


def _forecasts(part: Part, quantiles: Floats) -> Pictures:
    chosen = np.unique(np.linspace(0, len(part.origins) - 1, SHOWN).astype(np.int64))
    pictures = [
        of_origin(part, int(place), quantiles[place, :, 0], f"forecast-{number}") for number, place in enumerate(chosen)
    ]
    made = part.encoded.preprocessor
    *_, share = outer(made.levels)
    return Pictures(
        "Forecasts",
        pictures,
        f"The history that ends at an origin, the forecast with its interval of {100 * share:.0f} %, and what came. "
        f"{len(part.origins):,} origins in all.",
    )


def _by_step(part: Part, quantiles: Floats) -> Curves:
    made = part.encoded.preprocessor
    truth = part.encoded.true(part.origins)
    steps = [float(k + 1) for k in range(made.horizon)]
    median = quantiles[..., made.levels.index(0.5)]
    lines = [Line("this model", steps, _step_errors(truth, median))]
    for name, method in _naive(made.season):
        found = np.stack(
            [
                np.stack([method(h[:, k], made.horizon) for k in range(h.shape[1])], 1)
                for h in (part.encoded.history(s, t) for s, t in thinned(part.origins, LOOKED_AT).each())
            ]
        )
        lines.append(
            Line(
                name,
                steps,
                _step_errors(part.encoded.true(thinned(part.origins, LOOKED_AT)), found),
                dashed=name != "last value",
            )
        )
    return Curves("Error by step ahead", lines, "steps ahead", "mean absolute error", "Mean over the origins.")


def _naive(season: int) -> Iterator[tuple[str, Callable[[Floats, int], Floats]]]:
    yield "last value", naive.last_value
    if season > 1:
        yield "seasonal naive", lambda history, horizon: naive.seasonal_naive(history, horizon, season)


def _step_errors(truth: Floats, found: Floats) -> list[float]:
    each = np.abs(truth - found)
    counts = (~np.isnan(each)).sum((0, 2))
    return [float(v) for v in np.nansum(each, (0, 2)) / np.maximum(counts, 1)]


def _residuals(part: Part, quantiles: Floats) -> Curves:
    """Of the errors one after another: of all steps where forecasts follow each other, else of the first steps."""
    made = part.encoded.preprocessor
    errors = part.encoded.true(part.origins)[..., 0] - quantiles[:, :, 0, made.levels.index(0.5)]
    rows = [errors[part.origins.series == s] for s in np.unique(part.origins.series)]
    steps = [part.origins.step[part.origins.series == s] for s in np.unique(part.origins.series)]
    one_by_one = all((np.diff(some) == made.horizon).all() for some in steps)
    courses = [row.reshape(-1) if one_by_one else row[:, 0] for row in rows]
    longest = max((len(course) for course in courses), default=0)
    lags = int(min(MOST_LAGS, longest // 2))
    courses = [course for course in courses if len(course) >= 2 * lags and not np.isnan(course).all()]
    title = "Autocorrelation of the errors"
    if lags < 2 or not courses:
        return Curves(title, [], "", "")
    curve = np.mean([autocorrelation(course, lags)[1:] for course in courses], axis=0)
    bound = 1.96 / math.sqrt(longest * len(courses))
    x = [float(lag) for lag in range(1, lags + 1)]
    return Curves(
        title,
        [Line("errors", x, curve.tolist()), Line("by chance", x, [0.0] * lags, [-bound] * lags, [bound] * lags, True)],
        "lag, steps" if one_by_one else "lag, origins",
        "autocorrelation",
        (
            "Of the errors of all steps, one forecast after the other: those of a forecast hang together. "
            if one_by_one
            else "Of the errors of the first step, from origin to origin. "
        )
        + "Inside the band it is as if by chance; a peak at a season is something that the model has not learned.",
    )


def _reliability(part: Part, quantiles: Floats) -> Curves:
    made = part.encoded.preprocessor
    truth = part.encoded.true(part.origins)
    known = ~np.isnan(truth)
    below = [float(np.mean((truth <= quantiles[..., k])[known])) for k in range(len(made.levels))]
    levels = list(made.levels)
    return Curves(
        "Reliability of the quantiles",
        [Line("this model", levels, below), Line("as it should be", [0.0, 1.0], [0.0, 1.0], dashed=True)],
        "quantile",
        "share of the values below it",
        "On the line, as many values lie below each quantile as it says.",
        square=True,
    )


def _memory(network: nn.Module, data: ForecastData, part: Part) -> Curves:
    kept, errors = by_memory(network, part.encoded, part.origins)
    ridge = [(k, e) for k, e in zip(kept, ridge_by_memory(data, part, kept), strict=True) if math.isfinite(e)]
    return Curves(
        "What the memory is worth",
        [
            Line("this model", [float(k) for k in kept], errors),
            Line("ridge, fitted to such a window", [float(k) for k, _ in ridge], [e for _, e in ridge], dashed=True),
        ],
        "newest steps of the window that are seen",
        "mean absolute error",
        "For this model the older steps are replaced by the oldest one that it sees; a ridge regression is fitted anew "
        "to each length. Where a curve goes on falling, older steps help.",
    )


def _inputs(network: nn.Module, part: Part, some: Origins) -> Table:
    rows = importance(network, part.encoded, some)
    return Table(
        "Which inputs matter",
        ["input", Column("error without it", "number"), Column("more by", "number")],
        [[name, error, more] for name, error, more in rows],
        "Mean absolute error when the input is exchanged between the origins (permuted), so that it tells nothing of "
        "its own; the more it rises, the more the model leans on it.",
    )


def _origins(part: Part, quantiles: Floats) -> Table:
    """Errors of each origin, the worst marked; few are shown, the others folded."""
    made, encoded = part.encoded.preprocessor, part.encoded
    truth, median = encoded.true(part.origins), quantiles[..., made.levels.index(0.5)]
    low, high, _ = outer(made.levels)
    rows: list[list[str | int | float | list[str] | None]] = []
    for series, step in thinned(part.origins, 200).each():
        index = int(np.flatnonzero((part.origins.series == series) & (part.origins.step == step))[0])
        one = encoded.panel.series[series]
        known = ~np.isnan(truth[index])
        if not known.any():
            continue
        error = float(np.abs(truth[index] - median[index])[known].mean())
        inside = (truth[index] >= quantiles[index, ..., low]) & (truth[index] <= quantiles[index, ..., high])
        start = time_text(encoded.panel.times(one, step, step + 1)[0], encoded.panel.frequency)
        rows.append([start, one.name, error, f"{100 * inside[known].mean():.0f} %"])
    first, rest = rows[:12], rows[12:]
    columns: list[Column | str] = [
        "first step",
        "series",
        Column("mean absolute error", "number"),
        "inside the interval",
    ]
    return Table("Each origin", columns, first, "", rest, f"{len(rest)} more" if rest else "")
