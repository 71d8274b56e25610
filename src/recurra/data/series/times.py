"""Dates as cells write them. What could be two dates is an error, not a guess."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import numpy.typing as npt

from recurra.errors import DataError, UsageError, quoted

Times = npt.NDArray[np.datetime64]
"""datetime64[s] [T], without a time zone."""

_CLOCK = r"(?:[T ](?P<H>\d{1,2})[:\-](?P<M>\d{2})(?:[:\-](?P<S>\d{2})(?:\.\d+)?)?)?"
_ZONE = r"\s*(?P<zone>Z|UTC|[+-]\d{2}:?\d{2})?"
_FORMS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("year-month-day", rf"(?P<Y>\d{{4}})[-/.](?P<m>\d{{1,2}})[-/.](?P<d>\d{{1,2}}){_CLOCK}{_ZONE}"),
        ("year-month", r"(?P<Y>\d{4})[-/.](?P<m>\d{1,2})"),
        ("yearmonthday", rf"(?P<Y>\d{{4}})(?P<m>\d{{2}})(?P<d>\d{{2}}){_CLOCK}{_ZONE}"),
        ("year and quarter", r"(?P<Y>\d{4})[- ]?[Qq](?P<q>[1-4])"),
        ("year", r"(?P<Y>[12]\d{3})(?:\.0)?"),
    )
)
_EITHER = re.compile(rf"(?P<a>\d{{1,2}})[/.\-](?P<b>\d{{1,2}})[/.\-](?P<Y>\d{{4}}){_CLOCK}{_ZONE}")


@dataclass(frozen=True)
class ParsedTimes:
    """times: datetime64[s] [T]; notes: what was done to them, for people."""

    times: Times
    notes: list[str]


def looks_like_time(cells: Sequence[str]) -> bool:
    """Whether all of some cells are dates of one form."""
    some = [cell.strip() for cell in cells if cell.strip()]
    if not some:
        return False
    if all(_EITHER.fullmatch(cell) for cell in some):
        return True
    forms = [pattern for _, pattern in _FORMS if pattern.fullmatch(some[0])]
    return any(all(form.fullmatch(cell) for cell in some) for form in forms)


def parse_times(
    cells: Sequence[str],
    *,
    column: str,
    path: Path | None = None,
    lines: Sequence[int] | None = None,
    date_format: str | None = None,
    timezone: str | None = None,
) -> ParsedTimes:
    """The cells of a column of dates, all of one form.

    date_format: as strptime has it, where the forms that are known do not do; timezone: where clocks without an offset
    stood ("Europe/Berlin"), so that the hour of autumn that there are two of is told apart by its order. Times with
    offsets that differ become UTC.
    Errors: DataError with file and line for no date, one that does not exist, a second form, days and months that
    cannot be told apart, offsets at some and not at others; UsageError for an unknown time zone
    """

    def wrong(row: int, problem: str, remedy: str) -> DataError:
        return DataError(
            f"{quoted(cells[row].strip(), 40)} in the column {quoted(column)} {problem}",
            remedy=remedy,
            file=path,
            line=None if lines is None else lines[row],
        )

    if not cells:
        return ParsedTimes(np.empty(0, "datetime64[s]"), [])
    read, notes = _reader(cells, date_format, wrong)
    stamps: list[datetime] = []
    for row, cell in enumerate(cells):
        if not cell.strip():
            raise wrong(row, "is no date: the cell is empty", "give every row its time")
        stamp = read(row, cell.strip())
        if stamps and (stamp.tzinfo is None) != (stamps[0].tzinfo is None):
            with_zone = "has" if stamp.tzinfo is not None else "lacks"
            raise wrong(row, f"{with_zone} an offset from UTC, unlike the rows before", "write all in the same way")
        stamps.append(stamp)
    if stamps[0].tzinfo is not None:
        offsets = {stamp.utcoffset() for stamp in stamps}
        if len(offsets) > 1:
            notes.append("times have offsets from UTC that differ (daylight saving?) and are read as UTC")
            stamps = [stamp.astimezone(UTC).replace(tzinfo=None) for stamp in stamps]
        else:
            stamps = [stamp.replace(tzinfo=None) for stamp in stamps]
    elif timezone is not None:
        stamps = _localised(stamps, _zone(timezone))
        notes.append(f"times are clocks of {timezone}, read as UTC")
    return ParsedTimes(np.array(stamps, dtype="datetime64[s]"), notes)


_Wrong = Callable[[int, str, str], DataError]
_Read = Callable[[int, str], datetime]


def _reader(cells: Sequence[str], date_format: str | None, wrong: _Wrong) -> tuple[_Read, list[str]]:
    """What reads one cell, and what there is to say about it."""
    if date_format is not None:

        def by_format(row: int, cell: str) -> datetime:
            try:
                return datetime.strptime(cell, date_format)
            except ValueError as error:
                raise wrong(
                    row, f"is no date of the form {date_format!r}", "see Python's strptime for the signs"
                ) from error

        return by_format, []
    first = cells[0].strip()
    if _EITHER.fullmatch(first):
        return _day_or_month(cells, wrong)
    found = next(((name, pattern) for name, pattern in _FORMS if pattern.fullmatch(first)), None)
    if found is None:
        raise wrong(
            0,
            "is no date that is known",
            "write 2024-01-31, or say how: --date-format '%d %b %Y'; --time none takes rows as steps",
        )

    name, pattern = found

    def by_form(row: int, cell: str) -> datetime:
        match = pattern.fullmatch(cell)
        if match is None:
            raise wrong(row, f"is not of the form {name}, as the rows before it", "write all dates in the same way")
        return _made(row, match, match["m"] if "m" in pattern.groupindex else None, wrong)

    return by_form, []


def _day_or_month(cells: Sequence[str], wrong: _Wrong) -> tuple[_Read, list[str]]:
    """31/12/2024 and 12/31/2024: the numbers over 12 say which is the day."""
    found = [_EITHER.fullmatch(cell.strip()) for cell in cells]
    for row, one in enumerate(found):
        if one is None:
            raise wrong(row, "is not of the form day/month/year, as the rows before it", "write all in the same way")
    firsts, seconds = [int(one["a"]) for one in found if one], [int(one["b"]) for one in found if one]
    if max(firsts) > 12 and max(seconds) > 12:
        row = next(i for i, (a, b) in enumerate(zip(firsts, seconds, strict=True)) if (a > 12) != (firsts[0] > 12))
        raise wrong(row, "has day and month in the other order than rows before it", "write all in the same way")
    if max(firsts) <= 12 and max(seconds) <= 12:
        raise wrong(
            0, "may be day/month or month/day", "say which: --date-format '%d/%m/%Y' or --date-format '%m/%d/%Y'"
        )
    month = "a" if max(seconds) > 12 else "b"
    order = "month/day/year" if month == "a" else "day/month/year"

    def read(row: int, cell: str) -> datetime:
        one = _EITHER.fullmatch(cell)
        assert one is not None
        return _made(row, one, one[month], wrong, day=one["b" if month == "a" else "a"])

    return read, [f"dates are {order}"]


def _made(row: int, found: re.Match[str], month: str | None, wrong: _Wrong, day: str | None = None) -> datetime:
    groups = found.groupdict()
    if groups.get("q"):
        month = str(3 * int(groups["q"]) - 2)
    try:
        made = datetime(
            int(groups["Y"]),
            int(month or 1),
            int(day or groups.get("d") or 1),
            int(groups.get("H") or 0),
            int(groups.get("M") or 0),
            int(groups.get("S") or 0),
        )
    except ValueError as error:
        raise wrong(row, f"is no date: {error}", "put it right") from error
    zone = groups.get("zone")
    if not zone:
        return made
    if zone in ("Z", "UTC"):
        return made.replace(tzinfo=UTC)
    from datetime import timezone

    sign = -1 if zone[0] == "-" else 1
    return made.replace(tzinfo=timezone(sign * timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))))


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UsageError(f"timezone: {quoted(name)} is not known; names are such as Europe/Berlin or UTC") from error


def _localised(stamps: list[datetime], zone: ZoneInfo) -> list[datetime]:
    """UTC of local clocks; of an hour that there are two of, the second is what comes after the first."""
    made: list[datetime] = []
    for stamp in stamps:
        utc = stamp.replace(tzinfo=zone).astimezone(UTC).replace(tzinfo=None)
        if made and utc <= made[-1]:
            later = stamp.replace(tzinfo=zone, fold=1).astimezone(UTC).replace(tzinfo=None)
            utc = later if later > made[-1] else utc
        made.append(utc)
    return made
