"""Series from tables: wide (a row a time) or long (a row a time and series)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from recurra.data.files.tables import Table, read_table
from recurra.data.series.archives import ARCHIVES, read_archive
from recurra.data.series.calendar import STEPS, Frequency, frequency_named
from recurra.data.series.numbers import is_number, numbers
from recurra.data.series.panel import Panel, Series
from recurra.data.series.roles import Asked, Roles, find_roles
from recurra.data.series.rows import common_frequency, in_order, place, shown
from recurra.data.series.times import Times, parse_times
from recurra.data.splits import many
from recurra.errors import DataError, UsageError, listed, quoted

Floats = npt.NDArray[np.float64]


NOTHING = Asked()


@dataclass(frozen=True)
class Reading:
    """How series are read from files. asked: what columns are; sort: put rows in order instead of refusing them;
    until: later rows are left out
    """

    asked: Asked = NOTHING
    encoding: str = "utf-8"
    decimal: str = "."
    thousands: str = ""
    date_format: str | None = None
    timezone: str | None = None
    frequency: str | None = None
    sort: bool = False
    until: str | None = None


def read_panel(path: Path, how: Reading) -> Panel:
    """The series of a .csv, .tsv, .jsonl, .parquet, .tsf or .ts file. Errors: DataError with file and line"""
    path = Path(path)
    if "".join(path.suffixes[-2:]).lower().removesuffix(".gz").endswith(ARCHIVES):
        return read_archive(path, encoding=how.encoding, frequency=how.frequency)
    return from_table(read_table(path, encoding=how.encoding), how)


def from_table(table: Table, how: Reading) -> Panel:
    """The series of a table that was read, every cell text.

    A row that has covariates known ahead and none of the targets, behind the last row that has, is no step of the
    series but tells what is known of later ones.
    Errors: DataError with file and line, for times that are missing, twice, out of order or between two steps, for
    cells that are no numbers, what is known ahead and missing at a step, and for series without a single value
    """
    roles = find_roles(table, how.asked, decimal=how.decimal, thousands=how.thousands)
    notes = list(roles.notes)
    times, numbered = _times(table, roles, how, notes)
    if how.until is not None:
        table, times = _until(table, times, how.until, numbered, notes)
    groups = _groups(table, roles)
    columns = roles.columns
    values = {
        name: numbers(
            table.columns[name],
            column=name,
            path=table.path,
            lines=table.lines,
            decimal=how.decimal,
            thousands=how.thousands,
        )
        for name in (*columns.target, *columns.past, *columns.future)
    }
    static, static_names = _static(table, columns.static, groups, how)
    columns = replace(columns, static=static_names)
    orders: dict[str, npt.NDArray[np.int64]] = {}
    for name, rows in groups.items():
        if numbered and times is None:
            orders[name] = np.arange(len(rows))
            continue
        assert times is not None
        lines = [table.lines[row] for row in rows]
        orders[name] = in_order(times[rows], name, path=table.path, lines=lines, sort=how.sort, numbered=numbered)
    frequency = _frequency(table, times, groups, orders, how, numbered)
    series, gaps, first_gap, beyond = [], 0, "", 0
    for place_of, (name, rows) in enumerate(groups.items()):
        lines = [table.lines[row] for row in rows]
        own = times[rows] if times is not None else np.arange(len(rows)).astype("datetime64[s]")
        placed = place(
            own, orders[name], frequency, name, path=table.path, lines=lines, given=how.frequency is not None
        )
        if placed.gaps and not first_gap:
            first_gap = shown(placed.first_gap, numbered) + (f" of {name}" if name else "")  # type: ignore[arg-type]
        gaps += placed.gaps
        spread = partial(_spread, values, rows[placed.order], placed.positions)
        target, future = spread(columns.target), spread(columns.future)
        known = np.flatnonzero(~np.isnan(target).all(1))
        if not len(known):
            raise DataError(
                f"the series {quoted(name)} has no value at all" if name else "there is no value at all",
                remedy="leave it out",
                file=table.path,
                line=lines[0],
            )
        end = int(known[-1]) + 1
        if not columns.future:
            end = len(target)
        elif not np.isnan(future[end:]).all():
            beyond += len(target) - end
        unknown = np.argwhere(np.isnan(future[:end]))
        if len(unknown):
            step, column = unknown[0]
            row = int(np.searchsorted(placed.positions, step))
            when = "" if times is None else " at " + shown(frequency.step(placed.start, np.array([step]))[0], numbered)
            there = placed.positions[row] == step
            raise DataError(
                f"{quoted(columns.future[column])} is known ahead, but missing{when}"
                + ("" if there else ", of which there is no row")
                + (f", in the series {quoted(name)}" if name else ""),
                remedy=f"{'fill it in' if there else 'add the row'}, or, if it is known until now alone, "
                f"--past {columns.future[column]}",
                file=table.path,
                line=lines[int(placed.order[row])],
            )
        series.append(
            Series(
                name or columns.target[0],
                placed.start,
                target[:end],
                spread(columns.past)[:end],
                future,
                static[place_of],
                lines[0],
            )
        )
    if gaps:
        what = many(gaps, "weekday") + " (holidays?)" if frequency.unit == "business day" else many(gaps, "step")
        they = (
            "has no row, {}: it is a missing value"
            if gaps == 1
            else "have no row, the first {}: they are missing values"
        )
        notes.append(f"{what} {they.format(first_gap)}")
    missing = sum(int(np.isnan(one.target).sum()) for one in series) - gaps * len(columns.target)
    if missing > 0:
        notes.append(f"{many(missing, 'value')} {'is' if missing == 1 else 'are'} missing")
    if beyond:
        notes.append(f"{many(beyond, 'row')} behind the last value: what is known ahead")
    return Panel(series, columns, frequency, notes)


def _spread(
    values: dict[str, Floats], rows: npt.NDArray[np.int64], positions: npt.NDArray[np.int64], columns: tuple[str, ...]
) -> Floats:
    """The values of some columns of one series, a row for each step, NaN where it has none. [T, columns]"""
    made = np.full((int(positions[-1]) + 1, len(columns)), np.nan)
    for k, column in enumerate(columns):
        made[positions, k] = values[column][rows]
    return made


def _times(table: Table, roles: Roles, how: Reading, notes: list[str]) -> tuple[Times | None, bool]:
    """The rows' times, and whether they are but numbers of steps."""
    if not roles.time:
        return None, True
    if len(roles.time) > 1:
        cells = _joined(table, roles.time)
        column = " ".join(roles.time)
    else:
        column = roles.time[0]
        cells = table.columns[column]
        whole = how.date_format is None and all(cell.strip().isdigit() and len(cell.strip()) != 8 for cell in cells)
        if whole and not all(len(cell.strip()) == 4 and 1500 <= int(cell) <= 2500 for cell in cells):
            notes.append(f"{column} numbers the steps")
            return np.array([int(cell) for cell in cells]).astype("datetime64[s]"), True
    parsed = parse_times(
        cells,
        column=column,
        path=table.path,
        lines=table.lines,
        date_format=how.date_format,
        timezone=how.timezone,
    )
    notes += parsed.notes
    return parsed.times, False


def _until(
    table: Table, times: Times | None, last: str, numbered: bool, notes: list[str]
) -> tuple[Table, Times | None]:
    """The rows up to a time. Errors: UsageError for no time; DataError if none is left"""
    if numbered:
        if not last.isdigit():
            raise UsageError(f"until={last!r:.40}: steps are numbered here; give a number")
        end = np.datetime64(int(last), "s")
        times = np.arange(len(table)).astype("datetime64[s]") if times is None else times
    else:
        try:
            end = parse_times([last], column="until").times[0]
        except DataError as error:
            raise UsageError(f"until={last!r:.40} is no time; write it as 2024-01-31 or 2024-01-31 23:00") from error
    assert times is not None
    rows = np.flatnonzero(times <= end)
    if not len(rows):
        raise DataError(f"no row is from {last} or before", file=table.path)
    if len(rows) < len(table):
        notes.append(f"{len(table) - len(rows):,} rows after {last} are left out")
    columns = {name: [cells[row] for row in rows] for name, cells in table.columns.items()}
    return Table(table.path, columns, [table.lines[row] for row in rows]), times[rows]


def _joined(table: Table, names: Sequence[str]) -> list[str]:
    """year, month, day, hour, minute columns, or a date and a clock, as one cell a row."""
    rows = zip(*(table.columns[name] for name in names), strict=True)
    if all(is_number(cell) for name in names for cell in table.columns[name][:5]):
        made = []
        for row in rows:
            year, *rest = [str(int(float(cell))) if is_number(cell) else cell for cell in row]
            month, day, hour, minute = (rest + ["1", "1", "0", "0"][len(rest) :])[:4]
            made.append(f"{year}-{month}-{day} {hour}:{minute.zfill(2)}")
        return made
    return [" ".join(row) for row in rows]


def _groups(table: Table, roles: Roles) -> dict[str, npt.NDArray[np.int64]]:
    """The rows of each series, in the order of their first ones. Errors: DataError for a row without an id"""
    if roles.id is None:
        return {"": np.arange(len(table))}
    ids = [cell.strip() for cell in table.columns[roles.id]]
    found: dict[str, list[int]] = {}
    for row, name in enumerate(ids):
        if not name:
            raise DataError(
                f"the id in the column {quoted(roles.id)} is empty",
                remedy="name the series of every row",
                file=table.path,
                line=table.lines[row],
            )
        found.setdefault(name, []).append(row)
    return {name: np.array(rows) for name, rows in found.items()}


def _static(
    table: Table, names: tuple[str, ...], groups: dict[str, npt.NDArray[np.int64]], how: Reading
) -> tuple[list[Floats], tuple[str, ...]]:
    """What is the same at all times, as numbers: a column of texts becomes one of 0 and 1 for each of its values.

    Errors: DataError if it is not the same in a series, or has more than 64 different texts
    """
    made: list[list[float]] = [[] for _ in groups]
    kept: list[str] = []
    for name in names:
        cells = table.columns[name]
        firsts = []
        for series, rows in groups.items():
            other = next((row for row in rows if cells[row] != cells[rows[0]]), None)
            if other is not None:
                raise DataError(
                    f"{quoted(name)} is static, but changes in the series {quoted(series)}: {quoted(cells[other], 40)} "
                    f"after {quoted(cells[rows[0]], 40)}",
                    remedy=f"it is known ahead (--future {name}) or not (--past {name})",
                    file=table.path,
                    line=table.lines[int(other)],
                )
            firsts.append(cells[rows[0]].strip())
        if all(is_number(cell, how.decimal) for cell in firsts):
            lines = [table.lines[int(rows[0])] for rows in groups.values()]
            column = numbers(firsts, column=name, path=table.path, lines=lines, decimal=how.decimal)
            for own, value in zip(made, column, strict=True):
                own.append(float(value))
            kept.append(name)
            continue
        kinds = sorted(set(firsts))
        if len(kinds) > 64:
            raise DataError(
                f"the static column {quoted(name)} has {len(kinds)} texts, 64 are allowed: {listed(kinds, 5)}",
                remedy="group them",
                file=table.path,
                line=1,
            )
        for own, value in zip(made, firsts, strict=True):
            own += [float(value == kind) for kind in kinds]
        kept += [f"{name}={kind}" for kind in kinds]
    return [np.array(own) for own in made], tuple(kept)


def _frequency(
    table: Table,
    times: Times | None,
    groups: dict[str, npt.NDArray[np.int64]],
    orders: dict[str, npt.NDArray[np.int64]],
    how: Reading,
    numbered: bool,
) -> Frequency:
    if how.frequency is not None:
        return frequency_named(how.frequency)
    if numbered or times is None:
        return STEPS
    ordered = [(name, times[rows[orders[name]]]) for name, rows in groups.items()]
    return common_frequency(ordered, path=table.path, line_of=[table.lines[int(rows[0])] for rows in groups.values()])
