"""Rows of a table in the order of time: what is twice, what is missing, what is out of order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from recurra.data.series.calendar import STEPS, Frequency, infer_frequency
from recurra.data.series.times import Times
from recurra.errors import DataError, quoted


@dataclass(frozen=True)
class Placed:
    """order: the rows in the order of time; positions: of each, its step from the first; gaps: steps skipped"""

    order: npt.NDArray[np.int64]
    positions: npt.NDArray[np.int64]
    start: np.datetime64
    gaps: int
    first_gap: np.datetime64 | None


def in_order(
    times: Times, name: str, *, path: Path | None, lines: Sequence[int], sort: bool, numbered: bool = False
) -> npt.NDArray[np.int64]:
    """The rows of one series from the earliest on.

    Errors: DataError for a time that comes before the one above it, unless `sort`, and for one that stands twice
    """
    order = np.arange(len(times))
    back = np.flatnonzero(np.diff(times).astype(np.int64) < 0)
    if len(back):
        if not sort:
            row = int(back[0]) + 1
            hint = _autumn(times, row)
            raise DataError(
                f"{shown(times[row], numbered)} comes after {shown(times[row - 1], numbered)}{_of(name)}",
                remedy=hint or "rows stand in the order of time; --sort puts them so",
                file=path,
                line=lines[row],
            )
        order = np.argsort(times, kind="stable")
    same = np.flatnonzero(np.diff(times[order]).astype(np.int64) == 0)
    if len(same):
        first, second = int(order[same[0]]), int(order[same[0] + 1])
        more = f", and {len(same) - 1:,} more" if len(same) > 1 else ""
        raise DataError(
            f"{shown(times[second], numbered)} stands twice{_of(name)}, first in line {lines[first]:,}{more}",
            remedy=_autumn(times, second)
            or "leave one of the rows out; if they are different series, name their column: --id COLUMN",
            file=path,
            line=lines[second],
        )
    return order


def place(
    times: Times,
    order: npt.NDArray[np.int64],
    frequency: Frequency,
    name: str,
    *,
    path: Path | None,
    lines: Sequence[int],
    given: bool = False,
) -> Placed:
    """The steps of one series' rows. given: the frequency is not found from the times but said.

    Errors: DataError for a time between two steps, with what the frequency is, and, if it is not given, for rows that
    go on at another distance
    """
    ordered = times[order]
    numbered = frequency == STEPS
    positions = frequency.positions(ordered, ordered[0])
    odd = np.flatnonzero((positions < 0) | (np.diff(positions, prepend=-1) <= 0))
    if len(odd):
        row = int(odd[0])
        before = shown(ordered[row - 1], numbered)
        raise DataError(
            f"{shown(ordered[row], numbered)} does not follow {before}{_of(name)}: the series is {frequency.name}",
            remedy="series have one frequency: divide the file, or say which with --frequency (h, D, B, W, M, 15min)",
            file=path,
            line=lines[int(order[row])],
        )
    steps = np.diff(positions)
    if not given and not numbered and (row := _other_distance(steps)):
        raise DataError(
            f"from {shown(ordered[row])} on rows are {steps[row]} steps apart{_of(name)}, where most are one: "
            f"{frequency.name}",
            remedy="series have one frequency: divide the file, or say which with --frequency (h, D, B, W, M, 15min): "
            "steps between rows are missing values then",
            file=path,
            line=lines[int(order[row])],
        )
    gaps = int((steps - 1).sum())
    first = None
    if gaps:
        first = frequency.step(ordered[0], np.array([positions[int(np.flatnonzero(steps > 1)[0])] + 1]))[0]
    return Placed(order, positions, ordered[0], gaps, first)


def _other_distance(steps: npt.NDArray[np.int64]) -> int:
    """The first row of a tenth of all, and ten at least, one after the other, whose next ones are equally far away,
    but more than one step; 0 if there are none.
    """
    ends = np.flatnonzero(np.diff(steps, append=0))
    starts = np.concatenate([[0], ends[:-1] + 1])
    long = (ends - starts + 1 >= max(10, len(steps) / 10)) & (steps[starts] > 1)
    return int(starts[long][0]) if long.any() else 0


def common_frequency(groups: Sequence[tuple[str, Times]], *, path: Path | None, line_of: Sequence[int]) -> Frequency:
    """The frequency of all series; groups: of each its name and its sorted times.

    Errors: DataError where one series has another frequency than those before, and where none has two rows
    """
    found: tuple[str, Frequency] | None = None
    for (name, times), line in zip(groups, line_of, strict=True):
        one, _ = infer_frequency(times)
        if one is None:
            continue
        if found is None:
            found = (name, one)
        elif one != found[1] and len(times) > 2:
            smaller = _finer(found[1], one)
            if smaller is None:
                raise DataError(
                    f"the series {quoted(name)} is {one.name}, {quoted(found[0])} is {found[1].name}",
                    remedy="series that are learned together have one frequency: divide the file",
                    file=path,
                    line=line,
                )
            found = (found[0], smaller)
    if found is None:
        raise DataError("no series has two rows", remedy="give longer series", file=path)
    return found[1]


def _finer(one: Frequency, other: Frequency) -> Frequency | None:
    """What both are, where one only left steps out: daily data that have weekdays alone in some series."""
    days = {Frequency("business day", 1), Frequency("second", 86400)}
    if {one, other} == days:
        return Frequency("second", 86400)
    return None


def shown(time: np.datetime64, numbered: bool = False) -> str:
    """A time for people: no clock where it is midnight, the number of a numbered step."""
    if numbered:
        return f"step {int(time.astype('datetime64[s]').astype(np.int64)):,}"
    text = str(time.astype("datetime64[s]")).replace("T", " ")
    return text.removesuffix(" 00:00:00").removesuffix(":00") if text.endswith(":00") else text


def time_text(time: np.datetime64, frequency: Frequency) -> str:
    """A time for people, as long as the frequency asks for: 1961-01 where steps are months from their first day."""
    text = shown(time, frequency == STEPS)
    return text.removesuffix("-01") if frequency.unit == "month" and len(text) == 10 else text


def _of(name: str) -> str:
    return f" in the series {quoted(name)}" if name else ""


def _autumn(times: Times, row: int) -> str:
    """The remedy where a clock was put back by an hour, as in autumn; else nothing."""
    month = int(times[row].astype("datetime64[M]").astype(np.int64)) % 12 + 1
    hourly = len(times) > 2 and int(np.median(np.abs(np.diff(times).astype(np.int64)))) <= 3600
    back = row > 0 and -3600 <= int((times[row] - times[row - 1]).astype(np.int64)) <= 0
    if hourly and back and month in (3, 4, 9, 10, 11):
        return (
            "a clock put back for winter? say where it stood: --timezone Europe/Berlin; "
            "or write times with their offsets; --sort puts rows in order"
        )
    return ""
