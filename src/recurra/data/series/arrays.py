"""Series as a forecaster reads them: arrays of a panel, and windows of them at any origins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from recurra.data.series.calendar import date_features
from recurra.data.series.learned import Learned
from recurra.data.series.panel import Panel
from recurra.data.series.rows import time_text
from recurra.data.series.scaling import filled
from recurra.data.series.windows import Origins
from recurra.errors import DataError, quoted

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Arrays:
    """A panel behind each other in one array, each series followed by room for a horizon.

    truth [N, K]: as the values were, NaN where missing or not yet known; target: the same transformed; values: of that
    the missing ones filled in; missing, past, ahead [N, ...] of each step; static [series, S]; scale, centre
    [series, K]; offset: where each series begins; length: its steps; room: rows behind each
    """

    panel: Panel
    preprocessor: Learned
    truth: Floats
    target: Floats
    values: Floats
    missing: Floats
    past: Floats
    ahead: Floats
    static: Floats
    scale: Floats
    centre: Floats
    offset: npt.NDArray[np.int64]
    length: npt.NDArray[np.int64]
    room: int

    @classmethod
    def of(cls, panel: Panel, preprocessor: Any, room: int = 0) -> Self:
        """A panel with what a run learned, never refitted. room: steps behind each series' end, at least the horizon

        Errors: DataError for series of other columns, and for a gap in what is known ahead
        """
        panel = preprocessor.checked(panel)
        room = max(preprocessor.horizon, room)
        truth, target, values, missing, past, ahead, static, scale = [], [], [], [], [], [], [], []
        centre, offset = [], []
        at = 0
        for series in panel.series:
            length = len(series)
            padding = np.full((room, series.target.shape[1]), np.nan)
            raw = np.concatenate([series.target, padding])
            transformed = preprocessor.transform.forward(raw)
            truth.append(raw)
            target.append(transformed)
            values.append(filled(transformed))
            missing.append(np.isnan(raw).astype(np.float64))
            own_past = filled(series.past) if series.past.shape[1] else series.past
            past.append(_padded(preprocessor.past.apply(own_past), length + room, 0.0))
            future = _padded(series.future, length + room, np.nan)
            _check_future(series.name, future[:length], preprocessor)
            known = preprocessor.future.apply(future)
            if preprocessor.dates:
                times = panel.times(series, 0, length + room)
                known = np.concatenate([known, date_features(times, preprocessor.cycles)], 1)
            ahead.append(known)
            static.append(preprocessor.static.apply(series.static[None])[0])
            scale.append(preprocessor.scale(series.name, series.target))
            centre.append(preprocessor.centre(series.name, series.target))
            offset.append(at)
            at += length + room
        return cls(
            panel,
            preprocessor,
            truth=np.concatenate(truth),
            target=np.concatenate(target),
            values=np.concatenate(values),
            missing=np.concatenate(missing),
            past=np.concatenate(past),
            ahead=np.concatenate(ahead),
            static=np.stack(static),
            scale=np.stack(scale),
            centre=np.stack(centre),
            offset=np.array(offset),
            length=np.array([len(one) for one in panel.series]),
            room=room,
        )

    def windowed(self, origins: Origins) -> dict[str, Floats32]:
        """What is known at some origins, by the names of topologies.forecaster.Windows."""
        window, block = self.preprocessor.window, self.preprocessor.block
        start = self.offset[origins.series] + origins.step
        before = start[:, None] + np.arange(-window, 0)
        whole = start[:, None] + np.arange(-window, block)
        found = {
            "values": self.values[before],
            "missing": self.missing[before],
            "past": self.past[before],
            "ahead": self.ahead[whole],
            "static": self.static[origins.series],
            "scale": self.scale[origins.series],
            "centre": self.centre[origins.series],
        }
        return {name: np.ascontiguousarray(each, np.float32) for name, each in found.items()}

    def known_ahead(self, origins: Origins, steps: int) -> Floats32:
        """What is known of the window and so many steps after it, behind the end as at the last. [B, L + steps, F]"""
        start = self.offset[origins.series] + origins.step
        ends = self.offset[origins.series] + self.length[origins.series] + self.room - 1
        positions = start[:, None] + np.arange(-self.preprocessor.window, steps)
        return np.ascontiguousarray(self.ahead[np.minimum(positions, ends[:, None])], np.float32)

    def outcomes(self, origins: Origins) -> Floats:
        """What is to be forecast, transformed, NaN where unknown. [B, H, K]"""
        return self.target[self.after(origins, self.preprocessor.horizon)]

    def true(self, origins: Origins) -> Floats:
        """What is to be forecast, as the values were. [B, H, K]"""
        return self.truth[self.after(origins, self.preprocessor.horizon)]

    def history(self, series: int, step: int) -> Floats:
        """All of a series before a step, as the values were. [step, K]"""
        start = int(self.offset[series])
        return self.truth[start : start + step]

    def after(self, origins: Origins, steps: int) -> npt.NDArray[np.int64]:
        return (self.offset[origins.series] + origins.step)[:, None] + np.arange(steps)


def check_ahead(panel: Panel, horizon: int) -> None:
    """Errors: DataError where a covariate that is known ahead ends before the horizon, with the series and the row"""
    columns = panel.columns.future
    if not columns:
        return
    for series in panel.series:
        ahead = series.future[len(series) : len(series) + horizon]
        missing = horizon if not len(ahead) else horizon - int((~np.isnan(ahead)).all(1).sum())
        if missing:
            names = ", ".join(
                name for k, name in enumerate(columns) if len(ahead) < horizon or np.isnan(ahead[:, k]).any()
            )
            first = panel.times(series, len(series), len(series) + 1)[0]
            raise DataError(
                f"{names} of the series {quoted(series.name)} is known ahead, but missing in {missing} of {horizon} "
                f"steps from {time_text(first, panel.frequency)} on",
                remedy="predict from a file with rows behind the last value that hold it, or train with --past instead "
                "of --future",
            )


def _check_future(name: str, future: Floats, preprocessor: Learned) -> None:
    """Errors: DataError for a gap in what is said to be known ahead"""
    if future.shape[1] and np.isnan(future).any():
        row, column = np.argwhere(np.isnan(future))[0]
        raise DataError(
            f"{preprocessor.columns.future[column]} of the series {quoted(name)} is known ahead, but missing at its "
            f"step {row + 1:,}",
            remedy="fill it in, or train with --past instead of --future",
        )


def _padded(rows: Floats, length: int, fill: float) -> Floats:
    """Exactly so many rows: cut, or filled up behind the end."""
    if len(rows) >= length:
        return rows[:length]
    return np.concatenate([rows, np.full((length - len(rows), rows.shape[1]), fill)])
