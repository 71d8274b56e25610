"""A forecaster that is told one value after another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from recurra.data.series.panel import Panel
from recurra.errors import UsageError
from recurra.tasks.forecast.result import Forecast

Floats = npt.NDArray[np.float64]


class Rolling:
    """The end of one series, which grows by a step at a time; each answers with a forecast from there.

    A window is normalised as a whole, so that each step reads the window again: no state is carried. What lies further
    back than the model looks is forgotten.
    """

    def __init__(self, panel: Panel, answer: Callable[[Panel], Forecast], kept: int) -> None:
        self._panel, self._answer, self._kept = panel, answer, kept

    def push(self, value: float | Floats | None) -> Forecast:
        """The next value, or one for each column; None or NaN if it is missing.

        Errors: UsageError for another number of values, or one that is infinite
        """
        (series,) = self._panel.series
        row = np.atleast_1d(np.asarray(np.nan if value is None else value, dtype=np.float64))
        if row.shape != (series.target.shape[1],):
            raise UsageError(f"expected {series.target.shape[1]} values a step, got {list(row.shape)}")
        if np.isinf(row).any():
            raise UsageError("a value is infinite; None is a missing one")
        target = np.concatenate([series.target, row[None]])
        drop = max(0, len(target) - self._kept)
        start = self._panel.frequency.step(series.start, np.array([drop]))[0]
        empty = np.zeros((len(target) - drop, 0))
        grown = replace(series, start=start, target=target[drop:], past=empty, future=empty)
        self._panel = replace(self._panel, series=[grown])
        return self._answer(self._panel)
