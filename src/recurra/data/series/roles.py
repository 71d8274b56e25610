"""Which column of a table is what: the time, the series' id, what is forecast, what else is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from recurra.data.files.tables import Table
from recurra.data.series.numbers import is_missing, is_number, mostly_numbers
from recurra.data.series.panel import Columns
from recurra.data.series.times import looks_like_time
from recurra.errors import DataError, UsageError, listed, nearest, quoted

TIME_NAMES = ("ds", "date", "datetime", "time", "timestamp", "month", "day", "week", "quarter", "year", "period")
ID_NAMES = ("unique_id", "series_id", "item_id", "series", "id")
TARGET_NAMES = ("y", "value", "target")
PARTS_OF_TIME = ("year", "month", "day", "hour", "minute")
NUMBER_NAMES = ("no", "row", "index", "")
"""Columns of row numbers, which tell nothing."""
PRICES = ("open", "high", "low", "close")
LOOKED_AT = 200
"""Rows by which a column is told to be of numbers."""


@dataclass(frozen=True)
class Asked:
    """What the user said of the columns; None and () where nothing was said."""

    time: str | None = None
    id: str | None = None
    target: tuple[str, ...] = ()
    future: tuple[str, ...] = ()
    past: tuple[str, ...] = ()
    static: tuple[str, ...] = ()


@dataclass(frozen=True)
class Roles:
    """time: the columns that make it together, () for numbered rows; id: None for one series"""

    time: tuple[str, ...]
    id: str | None
    columns: Columns
    notes: list[str]


def find_roles(table: Table, asked: Asked, *, decimal: str = ".", thousands: str = "") -> Roles:
    """The columns' roles, as asked for, and as their names and first rows say where nothing was.

    All columns of numbers that have no other role are forecast, but of prices (open, high, low, close) the close alone,
    the others being known until now; text columns that have no role are left out and named.
    Errors: DataError for a column that is not there or of which no number can be made; UsageError for a column with two
    roles
    """
    names = list(table.columns)
    low = {name.lower(): name for name in reversed(names)}
    notes: list[str] = []
    _check_asked(asked, names, table.path)
    taken = {*asked.target, *asked.future, *asked.past, *asked.static, *([asked.id] if asked.id else [])}
    time = _time(table, asked, names, low, taken, notes)
    rest = [name for name in names if name not in time and name not in taken]
    identity = asked.id or next(
        (low[name] for name in ID_NAMES if name in low and low[name] in rest and (time or asked.time == "none")), None
    )
    rest = [name for name in rest if name != identity]
    plain = [name for name in rest if _is_of_numbers(table.columns[name], decimal, thousands)]
    plain = [name for name in plain if not (name.lower() in NUMBER_NAMES and _counts_rows(table.columns[name]))]
    target, past = asked.target, list(asked.past)
    if not target:
        target, more = _targets(plain, low, notes)
        past += [name for name in more if name not in past]
    used = {*target, *past, *asked.future, *asked.static, *time, *([identity] if identity else [])}
    left = [name for name in names if name not in used]
    if not target:
        raise DataError(
            f"no column of numbers to forecast; there are {listed(names)}",
            remedy="name it with --target COLUMN; decimals may need --decimal ,",
            file=table.path,
            line=1,
        )
    if left:
        notes.append(f"not read: the columns {listed(left, 6)}" if len(left) > 1 else f"not read: the column {left[0]}")
    return Roles(time, identity, Columns(tuple(target), tuple(past), asked.future, asked.static), notes)


def _check_asked(asked: Asked, names: Sequence[str], path: Path) -> None:
    roles: dict[str, str] = {}
    times = [] if asked.time in (None, "none") else asked.time.split(",")
    for role, columns in (
        ("time", times),
        ("id", [asked.id] if asked.id else []),
        ("target", asked.target),
        ("future", asked.future),
        ("past", asked.past),
        ("static", asked.static),
    ):
        for name in columns:
            if name not in names:
                near = nearest(name, names)
                raise DataError(
                    f"no column {quoted(name)} ({role}); there are {listed(names)}",
                    remedy=f"did you mean {near!r}?" if near else "",
                    file=path,
                    line=1,
                )
            if roles.setdefault(name, role) != role:
                raise UsageError(f"the column {quoted(name)} is asked for as {roles[name]} and as {role}; choose one")


def _time(
    table: Table, asked: Asked, names: list[str], low: dict[str, str], taken: set[str], notes: list[str]
) -> tuple[str, ...]:
    if asked.time == "none":
        return ()
    if asked.time is not None:
        return tuple(asked.time.split(","))
    parts = [low[name] for name in PARTS_OF_TIME if name in low and low[name] not in taken]
    if len(parts) >= 2 and parts[0].lower() == "year" and all(_is_of_numbers(table.columns[p], ".", "") for p in parts):
        notes.append(f"the time is {', '.join(parts)} together")
        return tuple(parts)
    named = [low[name] for name in TIME_NAMES if name in low and low[name] not in taken]
    for name in named:
        if name.lower() in ("ds", "date", "datetime", "timestamp") or looks_like_time(table.columns[name][:LOOKED_AT]):
            return (name,)
    for name in names:
        cells = table.columns[name][:LOOKED_AT]
        dated = looks_like_time(cells) and not all(is_number(cell) for cell in cells)
        if name not in taken and dated:
            return (name,)
    if named:
        return (named[0],)  # it is told what is wrong with it
    notes.append("no column of times: rows are steps, numbered from 0 in each series")
    return ()


def _targets(plain: list[str], low: dict[str, str], notes: list[str]) -> tuple[tuple[str, ...], list[str]]:
    if all(name in low and low[name] in plain for name in PRICES):
        close = low["close"]
        others = [name for name in plain if name != close]
        notes.append(
            f"prices: {close} is forecast; {', '.join(others)} are known until now (--target COLUMNS for others)"
        )
        return (close,), others
    usual = next((low[name] for name in TARGET_NAMES if name in low and low[name] in plain), None)
    if usual is not None:
        return (usual,), []
    if len(plain) > 1:
        notes.append(f"{len(plain)} columns are forecast, {listed(plain, 6)} (--target COLUMNS for some of them)")
    return tuple(plain), []


def _is_of_numbers(cells: Sequence[str], decimal: str, thousands: str) -> bool:
    """Whether the first cells are numbers, but for missing ones; written with other signs too, which is told later."""
    first = cells[:LOOKED_AT]
    if all(is_missing(cell) for cell in first):
        return all(is_missing(cell) for cell in cells[LOOKED_AT:])
    return mostly_numbers(first, decimal, thousands)


def _counts_rows(cells: Sequence[str]) -> bool:
    some = cells[:LOOKED_AT]
    if not all(cell.strip().isdigit() for cell in some):
        return False
    first = int(some[0])
    return [int(cell) for cell in some] == list(range(first, first + len(some)))
