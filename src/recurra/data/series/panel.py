"""One series or many over time, with what else is known of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from recurra.data.series.calendar import Frequency
from recurra.data.series.times import Times

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Series:
    """One series, its steps as far apart as the calendar says, none left out; NaN where a value is missing.

    Shapes: target [T, K]; past [T, P], known until now; future [T + more, F], known ahead too, from the same start;
            static [S], the same at all times
    line: where the file has its first row, 0 if that is unknown
    """

    name: str
    start: np.datetime64
    target: Floats
    past: Floats
    future: Floats
    static: Floats
    line: int = 0

    def __len__(self) -> int:
        return len(self.target)


@dataclass(frozen=True)
class Columns:
    """The names of what series hold, each in its order."""

    target: tuple[str, ...]
    past: tuple[str, ...] = ()
    future: tuple[str, ...] = ()
    static: tuple[str, ...] = ()


@dataclass(frozen=True)
class Panel:
    """Series with the same columns and the same calendar. notes: what was found and done while reading, for people"""

    series: list[Series]
    columns: Columns
    frequency: Frequency
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.series)

    def times(self, series: Series, start: int, stop: int) -> Times:
        """The times of some steps of a series, which may lie behind its end."""
        return self.frequency.step(series.start, np.arange(start, stop))

    def steps(self) -> int:
        """Of all series together."""
        return sum(len(one) for one in self.series)

    def of_names(self, names: Sequence[str]) -> Panel:
        """Only the series of these names, in their order here."""
        kept = set(names)
        return replace(self, series=[one for one in self.series if one.name in kept])


def apart(panel: Panel) -> Panel:
    """Each target column as a series of its own, named SERIES/COLUMN, or after the column where there is one series."""
    if len(panel.columns.target) == 1:
        return panel
    single = len(panel.series) == 1
    made = [
        replace(one, name=column if single else f"{one.name}/{column}", target=one.target[:, [place]])
        for one in panel.series
        for place, column in enumerate(panel.columns.target)
    ]
    return replace(panel, series=made, columns=replace(panel.columns, target=("value",)))
