"""What was learned of series before a forecaster read them: transform, scales, calendar, columns, and their ends."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from recurra.data.series.calendar import CYCLES, Frequency
from recurra.data.series.panel import Columns, Panel, Series
from recurra.data.series.scaling import Transform, mean_of, scale_of
from recurra.errors import DataError, listed, quoted

Floats = npt.NDArray[np.float64]
MOST_AHEAD = 512
"""Numbers known ahead, columns times steps, of which a linear skip reads more than those of the first step."""
MOST_STEPS = 1 << 20
"""Of a window or a horizon."""
LARGEST = 1e18
"""Of values: float32 holds their squares."""


@dataclass(frozen=True)
class Standard:
    """Means and deviations of columns in training; a constant column has the deviation 1. [columns]"""

    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()

    @classmethod
    def of(cls, rows: Floats) -> Standard:
        """Of the rows [N, columns], NaN left out."""
        if not rows.shape[1]:
            return cls()
        mean = np.array([np.nanmean(c) if not np.isnan(c).all() else 0.0 for c in rows.T])
        deviation = scale_of(rows)
        return cls(tuple(map(float, mean)), tuple(map(float, deviation)))

    def apply(self, rows: Floats) -> Floats:
        """Missing values become the mean."""
        if not self.mean:
            return rows
        found = (rows - np.array(self.mean)) / np.array(self.deviation)
        return np.where(np.isnan(found), 0.0, found)


@dataclass(frozen=True)
class Tail:
    """The end of a series. None: a missing value; start: of its first step, in seconds"""

    name: str
    start: int
    target: list[list[float | None]]
    past: list[list[float | None]]
    future: list[list[float | None]]
    static: list[float]

    @classmethod
    def of(cls, panel: Panel, series: Series, steps: int) -> Tail:
        """The last so many steps, with what is known behind them."""
        begin = max(0, len(series) - steps)
        start = panel.times(series, begin, begin + 1)[0].astype("datetime64[s]").astype(np.int64)
        target, past, future = (_plain(part[begin:]) for part in (series.target, series.past, series.future))
        return cls(series.name, int(start), target, past, future, series.static.tolist())

    def series(self) -> Series:
        """As it was. Errors: DataError if its rows do not fit together"""
        target, past, future = (_rows(part) for part in (self.target, self.past, self.future))
        if len(past) != len(target) or len(future) < len(target) or not len(target):
            raise DataError(f"the history of {self.name!r:.60} is not whole")
        return Series(self.name, np.datetime64(self.start, "s"), target, past, future, np.array(self.static))


def _plain(rows: Floats) -> list[list[float | None]]:
    return [[None if np.isnan(cell) else float(cell) for cell in row] for row in rows]


def _rows(rows: list[list[float | None]]) -> Floats:
    if len({len(row) for row in rows}) > 1:
        raise DataError("rows of a history have different lengths")
    made = np.array([[np.nan if cell is None else cell for cell in row] for row in rows], dtype=np.float64)
    return made.reshape(len(rows), -1) if len(rows) else np.zeros((0, 0))


NO_COLUMNS = Columns(())


@dataclass(frozen=True)
class Learned:
    """From series to what the network reads and back. Units: window, horizon, block, calibration, season in steps

    horizon: steps that are forecast; block: those that the network gives at once; calibration: steps before an origin
    whose forecasts its intervals learn from; by_window, by_level, drawn_units, drawn_steps: see topologies.forecaster;
    further: columns known ahead of which the skip reads every step of the horizon, not the first alone;
    cycles: those of the calendar that it reads; gaps: whether values may be missing; apart: whether the target columns
    are series of their own; scales, centres: of each series of training, its targets' own; sizes: the scales before the
    transform; asked: the columns as the file names them, before they were set apart; tails: the end of each series,
    which forecasts go on from
    """

    columns: Columns
    frequency: Frequency
    window: int
    horizon: int
    block: int
    calibration: int
    season: int
    levels: tuple[float, ...]
    transform: Transform
    by_window: bool
    cycles: tuple[str, ...]
    gaps: bool
    apart: bool
    past: Standard = Standard()
    future: Standard = Standard()
    static: Standard = Standard()
    scales: dict[str, tuple[float, ...]] = field(default_factory=dict)
    sizes: dict[str, tuple[float, ...]] = field(default_factory=dict)
    asked: Columns = NO_COLUMNS
    tails: list[Tail] = field(default_factory=list)
    by_level: bool = False
    centres: dict[str, tuple[float, ...]] = field(default_factory=dict)
    drawn_units: int = 0
    drawn_steps: int = 0
    further: int = 0

    @property
    def dates(self) -> bool:
        """Whether it reads the calendar."""
        return bool(self.cycles)

    def scale(self, name: str, target: Floats) -> Floats:
        """A series' scale: as in training, or, of a series that was not there, its own. [K], transformed units"""
        known = self.scales.get(name)
        return np.array(known) if known is not None else scale_of(self.transform.forward(target))

    def centre(self, name: str, target: Floats) -> Floats:
        """A series' mean, as `scale` is its scale."""
        known = self.centres.get(name)
        return np.array(known) if known is not None else mean_of(self.transform.forward(target))

    def check(self) -> None:
        """Errors: DataError for what cannot be"""
        if not set(self.cycles) <= set(CYCLES):
            raise DataError(f"preprocessing of series: unknown cycles {listed(self.cycles)}")
        width = len(self.columns.target)
        every = [*self.scales.items(), *self.sizes.items()]
        bad = next((name for name, scale in every if len(scale) != width or min(scale) <= 0), None)
        if (
            bad is not None
            or min(self.window, self.block, self.season) < 1
            or not self.block <= self.horizon <= MOST_STEPS
            or any(len(centre) != width for centre in self.centres.values())
            or not 0 <= self.drawn_steps <= self.window
            or self.further not in (0, len(self.columns.future))
            or (self.drawn_units > 0) != (self.drawn_steps > 0)
            or (self.by_level and self.by_window)
        ):
            raise DataError("preprocessing of series: window, horizon, season or scales cannot be")

    def tail(self) -> Panel:
        """The ends of the series of training. Errors: DataError if the run kept none"""
        if not self.tails:
            raise DataError("this run kept no history", remedy="give the series that it should go on from")
        return Panel([tail.series() for tail in self.tails], self.columns, self.frequency)

    def checked(self, panel: Panel) -> Panel:
        """The panel with its static columns as in training, where a text may have had other values.

        Errors: DataError for series of other columns or another frequency than those of training
        """
        panel = self._aligned(panel)
        for role in ("target", "past", "future", "static"):
            here, there = getattr(panel.columns, role), getattr(self.columns, role)
            if here != there:
                raise DataError(
                    f"the model was trained with the {role} columns {listed(there) if there else 'none'}, "
                    f"here they are {listed(here) if here else 'none'}",
                    remedy="give data with the same columns",
                )
        if panel.frequency != self.frequency:
            raise DataError(
                f"the model was trained on data that are {self.frequency.name}, these are {panel.frequency.name}",
                remedy="give data of the same frequency, or say it: --frequency",
            )
        for series in panel.series:
            for values in (series.target, series.past, series.future, series.static):
                if (np.abs(values) > LARGEST).any():
                    most = np.nanmax(np.abs(values))
                    raise DataError(
                        f"the series {quoted(series.name)} has a value of {most:g}, the largest may be {LARGEST:g}",
                        remedy="give it in a larger unit, or leave it out as a missing one",
                    )
        return panel

    def _aligned(self, panel: Panel) -> Panel:
        """A value of a static text that no series here has is a column of zeros. Errors: DataError for a new value"""
        here, there = panel.columns.static, self.columns.static
        if here == there:
            return panel
        new = [name for name in here if name not in there and "=" in name]
        if new:
            raise DataError(f"{new[0].replace('=', ' ', 1)!r:.60} was in no series of training", remedy="leave it out")
        if any(name not in here and "=" not in name for name in there):
            return panel  # whoever asked reports it
        indices = [here.index(name) if name in here else -1 for name in there]
        series = [
            replace(one, static=np.array([one.static[place] if place >= 0 else 0.0 for place in indices]))
            for one in panel.series
        ]
        return replace(panel, series=series, columns=replace(panel.columns, static=there))
