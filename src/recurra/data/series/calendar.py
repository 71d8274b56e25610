"""The calendar of a series: how far its steps are apart, what comes next, which seasons to look for, date features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recurra.data.series.times import Times
from recurra.errors import UsageError

Floats = npt.NDArray[np.float64]

SECOND, MINUTE, HOUR, DAY = 1, 60, 3600, 86400


@dataclass(frozen=True)
class Frequency:
    """How far steps are apart.

    unit: "second", "business day" (Monday to Friday), "month" or "step" (numbered, no dates); count: how many units
    """

    unit: str
    count: int

    @property
    def name(self) -> str:
        """For people: "hourly", "every 15 minutes", "monthly" ..."""
        if self.unit == "step":
            return "numbered steps"
        if self.unit == "business day":
            return "business days"
        if self.unit == "month":
            return _MONTHS.get(self.count, f"every {self.count} months")
        if self.count in _SECONDS:
            return _SECONDS[self.count]
        for size, name in ((DAY, "days"), (HOUR, "hours"), (MINUTE, "minutes")):
            if self.count % size == 0:
                return f"every {self.count // size} {name}"
        return f"every {self.count} seconds"

    def seasons(self) -> tuple[int, ...]:
        """Periods that the calendar suggests, the usual one first. Units: steps"""
        if self.unit == "month":
            return (12 // self.count,) if 12 % self.count == 0 and self.count < 12 else ()
        if self.unit == "business day":
            return (5,)
        if self.unit == "step":
            return ()
        periods = (DAY, 7 * DAY, 365 * DAY) if self.count < DAY else (7 * DAY, 365 * DAY)
        if self.count == 7 * DAY:
            return (52,)
        if self.count < HOUR:
            periods = (HOUR, *periods[:2]) if self.count < MINUTE else periods[:2]
        return tuple(p // self.count for p in periods if p % self.count == 0 and p // self.count > 1)

    def positions(self, times: Times, start: np.datetime64 | None = None) -> npt.NDArray[np.int64]:
        """Of each time, its step from the first one on; -1 where it lies between two steps.

        start: the first one, by default the earliest of the times
        """
        first = times.min() if start is None else start
        if self.unit == "month":
            months = times.astype("datetime64[M]").astype(np.int64) - first.astype("datetime64[M]").astype(np.int64)
            rest = (times - times.astype("datetime64[M]")) != (first - first.astype("datetime64[M]"))
            ends = _month_end(times) & _month_end(np.array([first]))
            whole = (months % self.count == 0) & (~rest | ends)
            return np.where(whole, months // self.count, -1)
        if self.unit == "business day":
            days = times.astype("datetime64[D]")
            found = np.busday_count(first.astype("datetime64[D]"), days)
            return np.where(np.is_busday(days), found, -1).astype(np.int64)
        seconds = (times - first).astype(np.int64)
        return np.where(seconds % self.count == 0, seconds // self.count, -1)

    def step(self, start: np.datetime64, positions: npt.NDArray[np.int64]) -> Times:
        """The times a number of steps after a start."""
        if self.unit == "month":
            month = start.astype("datetime64[M]")
            months = month + positions * self.count
            if _month_end(np.array([start]))[0] and start.astype("datetime64[D]") != month.astype("datetime64[D]"):
                return np.asarray(((months + 1).astype("datetime64[D]") - 1).astype("datetime64[s]"))
            return np.asarray(months.astype("datetime64[s]") + (start - month.astype("datetime64[s]")))
        if self.unit == "business day":
            days = np.busday_offset(start.astype("datetime64[D]"), positions, roll="forward")
            return np.asarray(days).astype("datetime64[s]")
        return np.asarray(start + positions * np.timedelta64(self.count, "s"))


_MONTHS = {1: "monthly", 3: "quarterly", 6: "half-yearly", 12: "yearly"}
_SECONDS = {
    1: "every second",
    MINUTE: "every minute",
    HOUR: "hourly",
    DAY: "daily",
    7 * DAY: "weekly",
}

STEPS = Frequency("step", 1)
"""Of series without dates: times are whole numbers from 0, stored as seconds."""

_SHORT = {
    "s": ("second", SECOND), "min": ("second", MINUTE), "t": ("second", MINUTE), "h": ("second", HOUR),
    "d": ("second", DAY), "b": ("business day", 1), "w": ("second", 7 * DAY), "m": ("month", 1), "ms": ("month", 1),
    "me": ("month", 1), "q": ("month", 3), "qs": ("month", 3), "qe": ("month", 3), "y": ("month", 12),
    "ys": ("month", 12), "ye": ("month", 12), "a": ("month", 12),
    "minutely": ("second", MINUTE), "hourly": ("second", HOUR), "daily": ("second", DAY), "weekly": ("second", 7 * DAY),
    "monthly": ("month", 1), "quarterly": ("month", 3), "yearly": ("month", 12), "half_hourly": ("second", 1800),
    "4_seconds": ("second", 4), "10_minutes": ("second", 600),
}  # fmt: skip


def frequency_named(name: str) -> Frequency:
    """A frequency by pandas' short names ("h", "15min", "D", "B", "MS") or those of .tsf files ("hourly").

    Errors: UsageError, with those there are
    """
    low = name.strip().lower()
    if low in _SHORT:
        return Frequency(*_SHORT[low])
    digits = low[: len(low) - len(low.lstrip("0123456789"))]
    unit = low[len(digits) :].strip("_ ")
    if digits and unit in _SHORT and int(digits) > 0:
        kind, count = _SHORT[unit]
        return Frequency(kind, count * int(digits))
    raise UsageError(
        f"unknown frequency {name!r:.40}; there are s, min, h, D, B, W, M, Q, Y, with a number before, as 15min"
    )


def infer_frequency(times: Times) -> tuple[Frequency | None, int]:
    """How far most of some sorted, distinct times are apart, and the first place whose distance is not a whole
    number of such steps, 0 if all fit. No frequency for fewer than two times.
    """
    if len(times) < 2:
        return None, 0
    for candidate in _candidates(times):
        positions = candidate.positions(times, times[0])
        odd = np.flatnonzero((positions < 0) | (np.diff(positions, prepend=-1) <= 0))
        if not len(odd):
            return candidate, 0
    return candidate, int(odd[0])


def _candidates(times: Times) -> list[Frequency]:
    """Frequencies that the distances speak for, the best one last if none fits."""
    gaps = np.diff(times).astype(np.int64)
    common = int(np.bincount(_codes(gaps)).argmax())
    usual = int(np.unique(gaps)[common])
    found = []
    days = gaps / DAY
    if usual >= 28 * DAY and np.all(days >= 28):
        months = np.diff(times.astype("datetime64[M]").astype(np.int64))
        values, counts = np.unique(months, return_counts=True)
        found.append(Frequency("month", max(int(values[counts.argmax()]), 1)))
        if found[-1].count != 1:
            found.append(Frequency("month", max(int(np.gcd.reduce(months)), 1)))
    if usual == DAY and np.is_busday(times.astype("datetime64[D]")).all() and len(times) > 5:
        found.append(Frequency("business day", 1))
    found.append(Frequency("second", max(usual, 1)))
    return found


def _codes(gaps: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.unique(gaps, return_inverse=True)[1]


def _month_end(times: Times) -> npt.NDArray[np.bool_]:
    days = times.astype("datetime64[D]")
    return np.asarray((days + 1).astype("datetime64[M]") != days.astype("datetime64[M]"))


def cycle_names(frequency: Frequency, steps: int) -> tuple[str, ...]:
    """The cycles of the calendar that are longer than a step and fit twice into the given number of steps.

    One that was seen once cannot be told from a trend. None for numbered steps.
    """
    step = {"second": frequency.count, "month": frequency.count * 30 * DAY, "business day": DAY}.get(frequency.unit)
    if step is None:
        return ()
    return tuple(name for name, (length, _) in _CYCLES.items() if step < length and 2 * length <= step * steps)


def feature_names(cycles: Sequence[str]) -> list[str]:
    """What `date_features` tells of a time, in its order."""
    return [f"{name} ({wave})" for name in cycles for wave in ("sin", "cos")]


def date_features(times: Times, cycles: Sequence[str]) -> Floats:
    """Where each time stands in some cycles: a sine and a cosine each. [T, F]. Units: from -1 to 1"""
    found = []
    for name in cycles:
        angle = 2 * np.pi * _CYCLES[name][1](times)
        found += [np.sin(angle), np.cos(angle)]
    return np.stack(found, 1) if found else np.zeros((len(times), 0))


def _of_year(times: Times) -> Floats:
    years = times.astype("datetime64[Y]")
    length = ((years + 1).astype("datetime64[s]") - years.astype("datetime64[s]")).astype(float)
    return np.asarray((times - years.astype("datetime64[s]")).astype(float) / length)


_CYCLES: dict[str, tuple[int, Callable[[Times], Floats]]] = {
    "minute of the hour": (HOUR, lambda t: (t - t.astype("datetime64[h]")).astype(float) / HOUR),
    "hour of the day": (DAY, lambda t: (t - t.astype("datetime64[D]")).astype(float) / DAY),
    "day of the week": (7 * DAY, lambda t: ((t.astype("datetime64[D]").astype(np.int64) + 3) % 7) / 7),
    "day of the year": (360 * DAY, _of_year),
}
"""Length in seconds, and the place of times in it, 0 to 1."""
CYCLES = tuple(_CYCLES)
