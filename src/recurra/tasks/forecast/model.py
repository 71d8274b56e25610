"""A trained forecaster in use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from torch import nn

from recurra.data.files.in_memory import MEMORY, as_table
from recurra.data.series.asked import ends_of, forecasts, of_values, ready
from recurra.data.series.forecast import Forecast
from recurra.data.series.panel import Panel, apart
from recurra.data.series.reading import from_table
from recurra.errors import DataError, UsageError
from recurra.tasks.abilities import Numeric
from recurra.tasks.differentiable import Differentiable
from recurra.tasks.forecast.data import how_to_read, read_series
from recurra.tasks.forecast.encoded import encode
from recurra.tasks.forecast.forecasting import calibrated
from recurra.tasks.forecast.pictures import of_forecasts
from recurra.tasks.forecast.preprocessor import Preprocessor
from recurra.tasks.forecast.rolling import Rolling
from recurra.tasks.forecast.settings import MOST_STEPS, ForecastDataSettings
from recurra.tasks.forward_pass import ForwardPass
from recurra.tasks.model import Model, refuse_options
from recurra.tasks.sources.source import Source

Floats = npt.NDArray[np.float64]

MOST_PLOTTED = 6
"""Forecasts in one picture."""


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
        return [of_values(inputs, self.preprocessor)]

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
        panel = ready(panel, made, steps, skip_short=self.settings.skip_short)
        encoded = encode(panel, made, room=steps + made.block)
        quantiles, _ = calibrated(self.network, encoded, ends_of(panel), steps)
        return forecasts(panel, made, quantiles)

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
