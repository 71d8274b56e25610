"""What follows series: a median and quantiles of each step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from recurra.data.series.arrays import Arrays, Floats32
from recurra.data.series.asked import ends_of, forecasts, of_values, ready
from recurra.data.series.calendar import feature_names
from recurra.data.series.forecast import Forecast
from recurra.data.series.intervals import PATHS, Floats, at_levels, calibrated
from recurra.data.series.panel import Panel, Series
from recurra.data.series.windows import Origins
from recurra.errors import UsageError
from recurra.runtime.layers import Layers
from recurra.runtime.predictions import numbers
from recurra.runtime.stored_series import learned_of
from recurra.runtime.weights import Weights, setting

FLOOR = np.float32(0.01)
"""As topologies.forecaster has it."""
BLOCK = 512
"""Windows that are read beside each other."""
MOST_STEPS = 100_000


class Forecaster:
    """A trained forecaster. learned: columns, window, horizon and levels of training"""

    def __init__(
        self, weights: Weights, config: Mapping[str, Any], preprocessing: Mapping[str, Any], threads: int
    ) -> None:
        network, made = config["settings"]["network"], learned_of(preprocessing)
        self.learned = made
        self._skip_short = setting(config["settings"]["data"], "skip_short", bool)
        columns, levels = made.columns, len(made.levels)
        self._target, self._middle = len(columns.target), made.levels.index(0.5)
        ahead = len(columns.future) + len(feature_names(made.cycles))
        read = self._target * (2 if made.gaps else 1) + len(columns.past) + ahead + len(columns.static)
        self._layers = Layers(weights, network, read, threads, "stack")
        hidden, outputs = self._layers.output_size, self._target * levels
        self._head = weights.linear("head", hidden, made.block * outputs)
        self._ahead = None
        if ahead:
            size = setting(network, "head_size", int)
            self._ahead = weights.linear("ahead.0", hidden + ahead, size), weights.linear("ahead.2", size, outputs)
        known = ahead + (made.block - 1) * made.further
        self._skip = weights.linear("skip", made.window * self._target + known, made.block * self._target)
        self._perceptron = None
        if made.drawn_units:
            reads, units = made.drawn_steps * self._target + known, made.drawn_units
            self._perceptron = (
                weights.linear("perceptron.0", reads, units),
                weights.linear("perceptron.2", units, made.block * self._target),
                tuple(weights.floats(f"perceptron.3.{end}", made.block * self._target) for end in ("low", "high")),
            )
        self._spread = weights.floats("spread", made.block, self._target, levels - 1)
        self._widening = weights.floats("widening")

    def predict(self, inputs: Any, *, horizon: int | None = None) -> list[Forecast]:
        """A forecast of each series and column, from its end on.

        inputs: values [T] or [T, K] of one series, what `series` and `tail` give, or a list of these; horizon: steps,
        by default those of training; more are reached by reading its own steps
        Errors: UsageError; DataError for a series that is shorter than the window or without what must be known ahead
        """
        made = self.learned
        steps = made.horizon if horizon is None else horizon
        if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= MOST_STEPS:
            raise UsageError(f"horizon must be a whole number from 1 to {MOST_STEPS}, got {horizon!r:.40}")
        found: list[Forecast] = []
        for panel in self._panels(inputs):
            whole = ready(panel, made, steps, skip_short=self._skip_short)
            arrays = Arrays.of(whole, made, steps + made.block)
            quantiles, _ = calibrated(lambda *asked: self._forecast(arrays, *asked), arrays, ends_of(whole), steps)  # noqa: B023
            found += forecasts(whole, made, quantiles)
        return found

    def tail(self) -> Panel:
        """The ends of the series of training. Errors: DataError if the run kept none"""
        return self.learned.tail()

    def series(
        self,
        values: Any,
        *,
        start: str = "1970-01-01",
        past: Any = None,
        future: Any = None,
        static: Any = None,
        name: str = "array",
    ) -> Panel:
        """A series with what else is known of it, columns as in training.

        values: [T] or [T, K], NaN where one is missing; start: the time of the first, for the calendar; past: [T, P];
        future: [T + horizon, F], known ahead too; static: [S]
        Errors: UsageError for other shapes
        """
        columns = self.learned.columns
        target = _rows(values, len(columns.target), "values")
        series = Series(
            name,
            _time(start),
            target,
            _rows(past, len(columns.past), "past", len(target)),
            _rows(future, len(columns.future), "future", len(target)),
            _rows(static if static is None else [static], len(columns.static), "static", 1)[0],
        )
        return Panel([series], columns, self.learned.frequency)

    def _panels(self, inputs: Any) -> list[Panel]:
        if isinstance(inputs, Panel):
            return [inputs]
        if inputs is None:
            raise UsageError("forecast what? model.tail() is the end of the run's own series")
        if isinstance(inputs, list | tuple) and inputs and not np.isscalar(inputs[0]) and not _is_rows(inputs):
            return [panel for each in inputs for panel in self._panels(each)]
        return [of_values(inputs, self.learned)]

    def _forecast(self, arrays: Arrays, origins: Origins, horizon: int | None) -> Floats:
        """Transformed quantiles, see tasks.forecast.forecasting.forecast. [N, H, K, Q]"""
        made = self.learned
        steps = made.horizon if horizon is None else horizon
        direct = steps <= made.block
        size = BLOCK if direct else max(1, BLOCK // PATHS)
        found = []
        for start in range(0, len(origins), size):
            some = origins[slice(start, start + size)]
            if direct:
                found.append(self._quantiles(arrays.windowed(some))[:, :steps])
            else:
                found.append(self._paths(arrays, some, steps))
        return np.concatenate(found) if found else np.zeros((0, steps, self._target, len(made.levels)))

    def _paths(self, arrays: Arrays, origins: Origins, steps: int) -> Floats:
        """Further than the network reaches: possible courses that read their own steps. [N, steps, K, Q]"""
        made, count = self.learned, len(origins)
        seen = {name: np.repeat(each, PATHS, 0) for name, each in arrays.windowed(origins).items()}
        ahead = np.repeat(arrays.known_ahead(origins, steps + made.block), PATHS, 0)
        order, courses = np.random.default_rng(0), []
        for begun in range(0, steps, made.block):
            seen["ahead"] = ahead[:, begun : begun + made.window + made.block]
            quantiles = self._quantiles(seen)
            level = (order.permutation(PATHS) + 0.5) / PATHS
            course = at_levels(quantiles, np.array(made.levels), np.tile(level, count))
            courses.append(course)
            more = course.astype(np.float32)
            same = np.repeat(seen["past"][:, -1:], made.block, 1)
            for name, new in (("values", more), ("missing", np.zeros_like(more)), ("past", same)):
                seen[name] = np.concatenate([seen[name], new], 1)[:, -made.window :]
        whole = np.concatenate(courses, 1)[:, :steps].reshape(count, PATHS, steps, -1)
        return np.moveaxis(np.quantile(whole, made.levels, axis=1), 0, -1)

    def _quantiles(self, windows: Mapping[str, Floats32]) -> Floats:
        """Of all steps of a block at once, see topologies.forecaster. Shapes: -> [B, block, K, Q]"""
        made, values = self.learned, windows["values"]
        batch, shape = len(values), (len(values), made.block, self._target)
        mean: Floats32 = windows["centre"][:, None] if made.by_level else values.mean(1, keepdims=True)
        centred = values - mean
        scale = windows["scale"]
        if made.by_window:
            scale = np.maximum(np.sqrt((centred * centred).mean(1)), FLOOR * scale)
        z = centred / scale[:, None]
        y, _ = self._layers.run(self._inputs(windows, z))
        found = (y[:, -1] @ self._head[0].T + self._head[1]).reshape(*shape, -1)
        away = z - z[:, -1:]
        if made.by_level:
            away[:, -1] = z[:, -1]
        flat = away.reshape(batch, -1)
        if self._ahead is not None:
            known = windows["ahead"][:, made.window : made.window + made.block]
            beside = np.concatenate([np.repeat(y[:, -1:], made.block, 1), known], -1)
            inner = np.tanh(beside @ self._ahead[0][0].T + self._ahead[0][1])
            found = found + (inner @ self._ahead[1][0].T + self._ahead[1][1]).reshape(found.shape)
            later = known[:, 1:, : made.further].reshape(batch, -1)
            flat = np.concatenate([flat, known[:, 0], later], 1)
        skipped = flat @ self._skip[0].T + self._skip[1]
        if self._perceptron is not None:
            (into, bends), (out, bias), (low, high) = self._perceptron
            newest = flat[:, (made.window - made.drawn_steps) * self._target :]
            skipped = skipped + np.clip(np.tanh(newest @ into.T + bends) @ out.T + bias, low, high)
        around = self._around(skipped.reshape(shape) + found[..., self._middle], found)
        said = values[:, -1][:, None, :, None] + scale[:, None, :, None] * around
        return np.asarray(numbers(said), np.float64)

    def _inputs(self, windows: Mapping[str, Floats32], z: Floats32) -> Floats32:
        made, parts = self.learned, [z]
        if made.gaps:
            parts.append(windows["missing"])
        if made.columns.past:
            centred = windows["past"] - windows["past"].mean(1, keepdims=True)
            parts.append(centred / np.maximum(np.sqrt((centred * centred).mean(1, keepdims=True)), FLOOR))
        if self._ahead is not None:
            parts.append(windows["ahead"][:, : made.window])
        if made.columns.static:
            parts.append(np.repeat(windows["static"][:, None], made.window, 1))
        return np.concatenate(parts, -1)

    def _around(self, median: Floats32, found: Floats32) -> Floats32:
        """Quantiles that do not cross. Shapes: [B, H, K], [B, H, K, Q] -> as found"""
        middle = self._middle
        steps = np.concatenate([found[..., :middle], found[..., middle + 1 :]], -1) + self._spread
        gaps = (np.maximum(steps, 0) + np.log1p(np.exp(-np.abs(steps)))) * self._widening
        below = gaps[..., :middle][..., ::-1].cumsum(-1)[..., ::-1]
        one = median[..., None]
        return np.concatenate([one - below, one, one + gaps[..., middle:].cumsum(-1)], -1)


def _rows(given: Any, width: int, what: str, length: int = 1) -> Floats:
    """Shapes: -> [T, width], T at least `length`. Errors: UsageError"""
    try:
        found = np.zeros((length, 0)) if given is None else np.asarray(given, np.float64)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{what} is no array of numbers: {given!r:.60}") from error
    found = found[:, None] if found.ndim == 1 else found
    if found.ndim != 2 or found.shape[1] != width or len(found) < length:
        raise UsageError(f"expected {what} as [T, {width}], T at least {length}, got {list(found.shape)}")
    return found


def _time(given: str) -> np.datetime64:
    try:
        return np.datetime64(given, "s")
    except ValueError as error:
        raise UsageError(f"start is no time, as 2024-01-31 or 2024-01-31T12:00: {given!r:.60}") from error


def _is_rows(inputs: Any) -> bool:
    """Whether it is a list of rows of numbers."""
    return all(isinstance(row, list | tuple) and all(np.isscalar(cell) for cell in row) for row in inputs)
