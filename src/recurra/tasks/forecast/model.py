"""A trained forecaster in use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from torch import nn

from recurra.data.files.in_memory import MEMORY, as_table
from recurra.data.series.panel import Panel, Series, apart
from recurra.data.series.reading import from_table
from recurra.data.series.rows import time_text
from recurra.data.series.windows import Origins
from recurra.errors import DataError, UsageError, listed
from recurra.tasks.abilities import Numeric
from recurra.tasks.differentiable import Differentiable
from recurra.tasks.forecast.data import how_to_read, read_series
from recurra.tasks.forecast.encoded import check_ahead, encode
from recurra.tasks.forecast.intervals import calibrated
from recurra.tasks.forecast.pictures import of_forecasts
from recurra.tasks.forecast.preprocessor import Preprocessor
from recurra.tasks.forecast.result import Forecast
from recurra.tasks.forecast.rolling import Rolling
from recurra.tasks.forecast.settings import MOST_STEPS, ForecastDataSettings
from recurra.tasks.forward_pass import ForwardPass
from recurra.tasks.model import Model, refuse_options
from recurra.tasks.sources.source import Source

Floats = npt.NDArray[np.float64]

MOST_PLOTTED = 6
"""Forecasts in one picture."""
PLOTTED = 3
"""Horizons of history that a forecast keeps, for pictures."""


class Forecaster(Model):
    """See tasks.model.Model. Its inputs are series: a file, a frame, an array, or `tail()`."""

    does: ClassVar[str] = "it forecasts series"
    unit: ClassVar[str] = "forecasts"

    def __init__(self, network: nn.Module, preprocessor: Preprocessor, settings: ForecastDataSettings) -> None:
        self.network, self.preprocessor, self.settings = network.eval(), preprocessor, settings

    def commands(self, folder: str) -> list[str]:
        return [f"predict {folder} --horizon {self.preprocessor.horizon} --plot forecast.svg", f"evaluate {folder}"]

    def checked(self, inputs: Any) -> list[Panel]:
        """A path, a frame with the columns of training, an array of values [T] or [T, K] (of a model that reads no
        calendar), several of these, or `tail()`, the ends of the series of training.

        Errors: UsageError; DataError of a file
        """
        if inputs is None:
            raise UsageError("forecast what? run.model.tail() is the end of the run's own series")
        if isinstance(inputs, Panel):
            return [inputs]
        if isinstance(inputs, (str, Path)):
            return [self.read(Path(inputs))]
        if isinstance(inputs, (list, tuple)) and inputs and not np.isscalar(inputs[0]) and not _is_rows(inputs):
            return [panel for each in inputs for panel in self.checked(each)]
        if hasattr(inputs, "columns") or isinstance(inputs, Mapping):
            try:
                return [self._apart(from_table(as_table(inputs), how_to_read(self._reading())))]
            except DataError as error:
                raise UsageError(str(error).replace(f"{MEMORY}:", "row ")) from error
        return [self._of_array(inputs)]

    def numeric(self) -> Numeric:
        """Values of one series, or a table with the columns of training."""
        width = len(self.preprocessor.columns.target)
        if width == 1:
            return Numeric("values [T], null for a missing one", 1, missing=True, table=True)
        return Numeric(f"values [T, {width}], null for a missing one", 2, width, missing=True, table=True)

    def tail(self) -> list[Panel]:
        """The ends of the series of training. Errors: DataError if the run kept none"""
        return [self.preprocessor.tail()]

    def plot(self, predictions: Sequence[Forecast]) -> str:
        """Each forecast after its history, at most MOST_PLOTTED of them, as SVG text."""
        return of_forecasts(predictions[:MOST_PLOTTED], "forecast")

    def read(self, path: Path) -> Panel:
        """The series of a file, read as those of training. Errors: DataError"""
        return read_series(Source(path.stem, "forecast", "series", {"all": path}), self._reading())

    def predict(self, inputs: Any, /, *, horizon: int | None = None, **options: Any) -> list[Forecast]:
        """A forecast of each series and column, from its end on.

        horizon: steps, by default those of training; more are reached by reading its own steps
        Errors: UsageError; DataError for a series that is shorter than the window, of other columns or frequency, or
        without what must be known ahead
        """
        refuse_options(self, options)
        made = self.preprocessor
        steps = made.horizon if horizon is None else horizon
        if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= MOST_STEPS:
            raise UsageError(f"horizon must be a whole number from 1 to {MOST_STEPS}, got {horizon!r:.40}")
        found: list[Forecast] = []
        for panel in self.checked(inputs) if not _are_panels(inputs) else inputs:
            found += self._of_panel(panel, steps)
        return found

    def rolling(self, inputs: Any = None, *, horizon: int | None = None) -> Rolling:
        """One series that grows: `rolling(history).push(value)` is a forecast from the new end.

        inputs: its history, as `checked` takes it; None for the run's own series. Covariates are pushed with the value.
        Errors: UsageError for several series
        """
        panels = self.tail() if inputs is None else self.checked(inputs)
        if len(panels) != 1 or len(panels[0]) != 1:
            raise UsageError("one series grows at a time; give one history")
        made = self.preprocessor
        return Rolling(
            panels[0],
            lambda panel: self.predict([panel], horizon=horizon)[0],
            made.window + made.calibration + made.horizon,
        )

    def forward_pass(self, given: Any, /, **options: Any) -> ForwardPass:
        """See tasks.forecast.forward_pass."""
        from recurra.tasks.forecast.forward_pass import forward_pass

        return forward_pass(self, given, **options)

    def differentiable(self, given: Any, /, **options: Any) -> Differentiable:
        """See tasks.forecast.attribution."""
        from recurra.tasks.forecast.attribution import attribution

        return attribution(self, given, **options)

    def rows(self, predictions: Sequence[Forecast]) -> list[list[str]]:
        levels = list(predictions[0].quantiles) if predictions else []
        single = len(predictions) == 1
        head = ["time", "forecast", *(f"{100 * level:g}%" for level in levels)]
        table = [head if single else ["series", *head]]
        for one in predictions:
            for k, time in enumerate(one.times):
                cells = [time, _number(one.median[k]), *(_number(one.quantiles[level][k]) for level in levels)]
                table.append(cells if single else [one.name, *cells])
        return table

    def document(self, predictions: Sequence[Forecast]) -> list[dict[str, Any]]:
        return [one.to_json() for one in predictions]

    def _of_panel(self, panel: Panel, steps: int) -> list[Forecast]:
        made = self.preprocessor
        panel = made.checked(panel)
        short = [one for one in panel.series if len(one) < made.window]
        if short and self.settings.skip_short and len(short) < len(panel):
            panel = replace(panel, series=[one for one in panel.series if len(one) >= made.window])
        elif short:
            names = listed([one.name for one in short], 8)
            raise DataError(
                f"a forecast reads {made.window} steps; the series {names} "
                f"{'has' if len(short) == 1 else 'have'} {len(short[0]):,}{' and so on' if len(short) > 1 else ''}",
                remedy="give more of their history",
            )
        unknown = [one.name for one in panel.series if np.isnan(one.target[-made.window :]).all()]
        if unknown:
            raise DataError(
                f"the last {made.window} values of the series {listed(unknown, 8)} are all missing",
                remedy="a forecast reads these: end where a value is known, or leave the series out",
            )
        check_ahead(panel, steps)
        encoded = encode(panel, made, room=steps + made.block)
        ends = Origins(np.arange(len(panel)), np.array([len(one) for one in panel.series]))
        quantiles, _ = calibrated(self.network, encoded, ends, steps)
        return [
            self._forecast(panel, series, k, quantiles[number, :, k])
            for number, series in enumerate(panel.series)
            for k in range(quantiles.shape[2])
        ]

    def _forecast(self, panel: Panel, series: Series, column: int, quantiles: Floats) -> Forecast:
        made = self.preprocessor
        length = len(series)
        kept = min(length, max(PLOTTED * len(quantiles), made.season if made.season <= 60 else 0))
        times = [
            time_text(time, panel.frequency) for time in panel.times(series, length - kept, length + len(quantiles))
        ]
        return Forecast(
            series.name,
            panel.columns.target[column] if len(panel.columns.target) > 1 else "value",
            times[kept:],
            quantiles[:, made.levels.index(0.5)].tolist(),
            {level: quantiles[:, place].tolist() for place, level in enumerate(made.levels)},
            series.target[length - kept :, column].tolist(),
            times[:kept],
        )

    def _of_array(self, inputs: Any) -> Panel:
        made = self.preprocessor
        try:
            values = np.asarray(inputs, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise UsageError(
                f"expected series: a path, a frame, an array of numbers, or None; got {inputs!r:.60}"
            ) from error
        values = values[:, None] if values.ndim == 1 else values
        width = len(made.columns.target)
        if values.ndim != 2 or values.shape[1] != width or not len(values):
            raise UsageError(f"expected values [T] or [T, {width}], got {list(values.shape)}")
        if len(values) < made.window:
            raise UsageError(f"a forecast reads {made.window} values, got {len(values)}")
        if np.isinf(values).any():
            raise UsageError(f"value {int(np.isinf(values).any(1).argmax()) + 1} is infinite; NaN is a missing one")
        others = [*made.columns.past, *made.columns.future, *made.columns.static]
        if others or made.dates:
            needs = f"the columns {listed(others)}" if others else "the calendar"
            raise UsageError(f"this model reads {needs} too; give a frame or a file instead of an array")
        empty = np.zeros((len(values), 0))
        name = next(iter(made.scales)) if len(made.scales) == 1 else "array"
        series = Series(name, np.datetime64(0, "s"), values, empty, empty, np.zeros(0))
        return Panel([series], made.columns, made.frequency)

    def _apart(self, panel: Panel) -> Panel:
        return apart(panel) if self.preprocessor.apart else panel

    def _reading(self) -> ForecastDataSettings:
        """As in training, its columns by their names, for new data may have others beside them."""
        columns = self.preprocessor.asked
        return self.settings.model_copy(
            update={
                "target": columns.target,
                "past": columns.past,
                "future": columns.future,
                "frequency": self.settings.frequency,
            }
        )


def _are_panels(inputs: Any) -> bool:
    return isinstance(inputs, list) and all(isinstance(each, Panel) for each in inputs)


def _is_rows(inputs: Sequence[Any]) -> bool:
    """Whether it is a list of rows of numbers."""
    return all(
        isinstance(row, Iterable)
        and not isinstance(row, str)
        and all(np.isscalar(cell) for cell in row)
        and not hasattr(row, "columns")
        and not isinstance(row, np.ndarray)
        for row in inputs
    )


def _number(value: float) -> str:
    return f"{value:.6g}"
