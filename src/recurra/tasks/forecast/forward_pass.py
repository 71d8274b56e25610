"""The last window of a series on its way through a forecaster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from recurra.data.series.panel import Panel
from recurra.data.series.rows import time_text
from recurra.data.series.windows import Origins
from recurra.errors import DataError, UsageError
from recurra.tasks.answer import Ahead, Answer
from recurra.tasks.forecast.encoded import encode
from recurra.tasks.forecast.model import Forecaster
from recurra.tasks.forward_pass import ForwardPass, only
from recurra.topologies.forecaster import Windows


@dataclass(frozen=True)
class LastWindow:
    """What a forecast from the end of a series reads. times: of its steps, as texts"""

    panel: Panel
    windows: Windows
    times: list[str]


def last_window(model: Forecaster, given: Any, **options: Any) -> LastWindow:
    """Errors: UsageError, DataError as in forecasting"""
    made = model.preprocessor
    panel = made.checked(only(model, given, options))
    if len(panel) != 1:
        raise UsageError(f"one series is looked at at a time, got {len(panel)}")
    (series,) = panel.series
    if len(series) < made.window:
        raise DataError(
            f"a forecast reads {made.window} steps; the series {series.name} has {len(series):,}",
            remedy="give more of its history",
        )
    windows = encode(panel, made, room=made.block).windows(Origins(np.zeros(1, np.int64), np.array([len(series)])))
    times = panel.times(series, len(series) - made.window, len(series))
    shown = [time_text(time, panel.frequency) for time in times]
    return LastWindow(panel, windows.to(next(model.network.parameters()).device), shown)


def forward_pass(model: Forecaster, given: Any, **options: Any) -> ForwardPass:
    """The window that a forecast from the series' end reads. Errors: UsageError, DataError as in forecasting"""
    read = last_window(model, given, **options)

    def answer() -> Answer:
        return Answer(
            ahead=[
                Ahead(one.name, one.history_times, one.history, one.times, one.median, one.quantiles)
                for one in model.predict([read.panel])
            ]
        )

    return ForwardPass(
        lambda: model.network(read.windows),
        {"stack": read.times},
        why_none="a forecast is made of quantiles, see predict",
        answer=answer,
    )
