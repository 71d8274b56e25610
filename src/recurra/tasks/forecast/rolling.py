"""A forecaster that is given one value after another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.data.series.forecast import Forecast
from recurra.data.series.panel import Panel
from recurra.errors import UsageError, listed

Floats = npt.NDArray[np.float64]


class Rolling:
    """The end of one series, which grows by a step at a time; each answers with a forecast from there.

    A window is normalised as a whole, so that each step reads the window again: no state is carried. What lies further
    back than the model looks is forgotten.
    """

    def __init__(self, panel: Panel, answer: Callable[[Panel], Forecast], kept: int) -> None:
        self._panel, self._answer, self._kept = panel, answer, kept

    def push(
        self,
        value: float | Floats | None,
        *,
        past: Mapping[str, float | None] | None = None,
        future: Mapping[str, Any] | None = None,
    ) -> Forecast:
        """Append a step and forecast from the new end.

        value: the next value, or one for each target column; None or NaN if it is missing
        past: of each covariate known until now its value at this step
        future: of each covariate known ahead its next values, one or many, behind those given before; they must reach
            to the end of the horizon
        Errors: UsageError for another number of values, other columns, or a number that is infinite; DataError for a
        covariate that does not reach as far as the horizon. The series is as it was after an error.
        """
        (series,) = self._panel.series
        row = np.atleast_1d(np.asarray(np.nan if value is None else value, dtype=np.float64))
        if row.shape != (series.target.shape[1],):
            raise UsageError(f"expected {series.target.shape[1]} values a step, got {list(row.shape)}")
        if np.isinf(row).any():
            raise UsageError("a value is infinite; None is a missing one")
        columns = self._panel.columns
        known = _rows("past", columns.past, past, 1)
        ahead = _rows("future", columns.future, future, None)
        drop = max(0, len(series.target) + 1 - self._kept)
        grown = replace(
            series,
            start=self._panel.frequency.step(series.start, np.array([drop]))[0],
            target=np.concatenate([series.target, row[None]])[drop:],
            past=np.concatenate([series.past, known])[drop:],
            future=np.concatenate([series.future, ahead])[drop:],
        )
        panel = replace(self._panel, series=[grown])
        answer = self._answer(panel)
        self._panel = panel
        return answer


def _rows(role: str, columns: tuple[str, ...], given: Mapping[str, Any] | None, count: int | None) -> Floats:
    """Covariates as rows, in the order of training. count: how many, None for any number. [N, len(columns)]"""
    values = {} if given is None else dict(given)
    if role == "future" and not values:
        return np.zeros((0, len(columns)))
    if values.keys() != set(columns):
        raise UsageError(
            f"expected {role} values of {listed(columns) if columns else 'no column'}, "
            f"got {listed(values) if values else 'none'}"
        )
    if not columns:
        return np.zeros((count or 0, 0))
    try:
        lists = [
            np.atleast_1d(np.array(values[name] if values[name] is not None else np.nan, np.float64))
            for name in columns
        ]
    except (TypeError, ValueError) as error:
        raise UsageError(f"{role} values are numbers; got {values!r:.80}") from error
    lengths = {one.shape for one in lists}
    if len(lengths) != 1 or lists[0].ndim != 1 or (count is not None and len(lists[0]) != count):
        wanted = "one value" if count == 1 else "as many values"
        raise UsageError(f"expected {wanted} of each {role} column, got {listed([str(one.size) for one in lists])}")
    rows = np.stack(lists, 1)
    if np.isinf(rows).any():
        raise UsageError(f"a {role} value is infinite; None is a missing one")
    return rows
