"""Sequences of tables with one row a frame: which column is what, and which rows are one sequence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from recurra.data.files.tables import Table, first_rows, read_table
from recurra.data.frames.sequences import Frames, Recordings
from recurra.data.series.numbers import is_number, mostly_numbers, numbers
from recurra.data.series.times import parse_times
from recurra.data.splits import many
from recurra.errors import DataError, listed, nearest, quoted

ID_NAMES = (
    "id", "sequence", "sequence_id", "series", "series_id", "unique_id", "recording", "trial", "clip", "segment",
    "sample_id", "case_id",
)  # fmt: skip
LABEL_NAMES = ("label", "class", "activity", "gesture", "phase", "event", "state", "category")
TIME_NAMES = ("time", "timestamp", "t", "frame", "step", "seconds", "ms", "datetime")
NO_TIME = "none"
"""In place of a column of times: rows stand in order."""
LOOKED_AT = 200
"""Rows by which a column is told to be of numbers, and a table to hold frames."""


@dataclass(frozen=True)
class Columns:
    """What columns are. channels: empty for all others that are numbers; None for the others: found by name, if any"""

    id: str | None = None
    label: str | None = None
    time: str | None = None
    group: str | None = None
    part: str | None = None
    channels: tuple[str, ...] = ()


NOTHING = Columns()


@dataclass(frozen=True)
class Reading:
    """How frames are read. sort: put rows in order instead of refusing them; labelled: whether labels are needed"""

    asked: Columns = NOTHING
    encoding: str = "utf-8"
    decimal: str = "."
    thousands: str = ""
    sort: bool = False
    labelled: bool = True


def looks_like_frames(path: Path) -> bool:
    """Whether a table has a label, more columns of numbers than of texts, and ids that repeat or a time that rises."""
    try:
        header, rows = first_rows(path, LOOKED_AT)
    except DataError:
        return False
    columns = {name: [row[k].strip() for row in islice(rows, LOOKED_AT)] for k, name in enumerate(header)}
    found = find_columns(columns, Columns())
    if found.label is None or len(found.channels) < 1 or not rows:
        return False
    others = set(columns) - {found.label, found.id, found.time, *found.channels}
    if len(others) >= len(found.channels):
        return False
    if found.id is not None:
        return len(rows) > 1 and columns[found.id][0] == columns[found.id][1]
    cells = [] if found.time is None else columns[found.time]
    if not cells or not all(is_number(cell) for cell in cells) or all(is_number(c) for c in columns[found.label]):
        return False
    return all(float(a) < float(b) for a, b in pairwise(cells))


def read_table_frames(path: Path, how: Reading) -> Recordings:
    """The sequences of a table: rows of the same id, or the whole file where no column names sequences.

    Errors: DataError with file and row for an id that returns after others, times that do not rise, a label that is
    empty, a number that is none or infinite, and for a table without channels or, where they are needed, labels
    """
    return from_table(read_table(path, encoding=how.encoding), how)


def from_table(table: Table, how: Reading) -> Recordings:
    """As `read_table_frames`."""
    _check_asked(table, how.asked)
    found = find_columns(table.columns, how.asked, decimal=how.decimal, thousands=how.thousands)
    if how.labelled and found.label is None:
        raise DataError(
            f"no column holds labels; there are {listed(table.columns)}",
            remedy="name it with --label COLUMN",
            file=table.path,
        )
    if not found.channels:
        raise DataError(
            f"no column holds numbers; there are {listed(table.columns)}",
            remedy="name those of the frames with --channels COLUMNS",
            file=table.path,
        )
    values = np.stack(
        [
            numbers(
                table.columns[name],
                column=name,
                path=table.path,
                lines=table.lines,
                decimal=how.decimal,
                thousands=how.thousands,
            )
            for name in found.channels
        ],
        axis=1,
    )
    sequences = [_sequence(table, rows, values, found, how) for rows in _rows(table, found, how)]
    return Recordings(sequences, found.channels, _notes(table, found))


def find_columns(columns: dict[str, list[str]], asked: Columns, *, decimal: str = ".", thousands: str = "") -> Columns:
    """What each column is: as asked, else by its name and what it holds."""
    low = {name.lower(): name for name in reversed(columns)}
    taken = {name for name in (asked.id, asked.label, asked.time, asked.group, asked.part, *asked.channels) if name}

    def by_name(names: Sequence[str]) -> str | None:
        return next((low[name] for name in names if name in low and low[name] not in taken), None)

    label = asked.label if asked.label is not None else by_name(LABEL_NAMES)
    identity = asked.id if asked.id is not None else by_name(ID_NAMES)
    usual = by_name(TIME_NAMES)
    time = asked.time if asked.time not in (None, NO_TIME) else (usual if asked.time is None else None)
    used = taken | {name for name in (label, identity, time, usual) if name}
    rest = [name for name in columns if name not in used]
    plain = [name for name in rest if mostly_numbers(columns[name][:LOOKED_AT], decimal, thousands)]
    texts = [name for name in rest if name not in plain]
    if label is None and len(texts) == 1 and not asked.channels:
        label = texts[0]
    return Columns(identity, label, time, asked.group, asked.part, asked.channels or tuple(plain))


def _check_asked(table: Table, asked: Columns) -> None:
    for name in (asked.id, asked.label, asked.time, asked.group, asked.part, *asked.channels):
        if name is not None and name not in table.columns and (name, asked.time) != (NO_TIME, NO_TIME):
            near = nearest(name, table.columns)
            raise DataError(
                f"no column {quoted(name)}; there are {listed(table.columns)}",
                remedy=f"did you mean {near!r}?" if near is not None else "",
                file=table.path,
            )


def _notes(table: Table, found: Columns) -> list[str]:
    used = {found.id, found.label, found.time, found.group, found.part, *found.channels}
    left = [name for name in table.columns if name not in used]
    notes = [f"{many(len(found.channels), 'channel')}: {listed(found.channels, 8)}"]
    if found.label is not None:
        notes.append(f"labels are in the column {quoted(found.label)}")
    notes.append(
        f"a sequence is the rows with the same {quoted(found.id)}"
        if found.id is not None
        else "no column names sequences: a file is one sequence"
    )
    return [*notes, *([f"not read: {listed(left, 8)}"] if left else [])]


def _rows(table: Table, found: Columns, how: Reading) -> list[npt.NDArray[np.int64]]:
    """Of each sequence, its rows in the order of time."""
    if found.id is None:
        rows_of = {"": list(range(len(table)))}
    else:
        rows_of, last = {}, None
        for row, cell in enumerate(table.columns[found.id]):
            if cell != last and cell in rows_of and not how.sort:
                raise DataError(
                    f"the {found.id} {quoted(cell, 40)} returns here, after others; it ended in line "
                    f"{table.lines[rows_of[cell][-1]]}",
                    remedy="if it is the same sequence, --sort puts its rows together; if not, name it otherwise",
                    file=table.path,
                    line=table.lines[row],
                )
            rows_of.setdefault(cell, []).append(row)
            last = cell
    rows = [np.array(each, np.int64) for each in rows_of.values()]
    return rows if found.time is None else [_in_order(table, each, found.time, how) for each in rows]


def _in_order(table: Table, rows: npt.NDArray[np.int64], time: str, how: Reading) -> npt.NDArray[np.int64]:
    cells, lines = [table.columns[time][row] for row in rows], [table.lines[row] for row in rows]
    if all(is_number(cell, how.decimal) for cell in cells):
        moments = numbers(cells, column=time, path=table.path, lines=lines, decimal=how.decimal)
    else:
        moments = parse_times(cells, column=time, path=table.path, lines=lines).times.astype(np.float64)
    order = np.argsort(moments, kind="stable")
    if (order != np.arange(len(order))).any() and not how.sort:
        place = int((np.diff(moments) < 0).argmax()) + 1
        raise DataError(
            f"the {time} {quoted(cells[place], 40)} lies before {quoted(cells[place - 1], 40)}, the row before it",
            remedy="--sort puts the rows of each sequence in order",
            file=table.path,
            line=lines[place],
        )
    same = np.flatnonzero(np.diff(moments[order]) == 0)
    if len(same):
        place = int(order[same[0] + 1])
        raise DataError(
            f"the {time} {quoted(cells[place], 40)} stands twice in a sequence",
            remedy="leave one row out, name sequences with --id COLUMN, or read no time: --time none",
            file=table.path,
            line=lines[place],
        )
    return rows[order]


def _sequence(
    table: Table, rows: npt.NDArray[np.int64], values: npt.NDArray[np.float64], found: Columns, how: Reading
) -> Frames:
    first = int(rows[0])
    name = table.columns[found.id][first] if found.id is not None else table.path.name.partition(".")[0]
    labels: tuple[str, ...] = ()
    if found.label is not None and how.labelled:
        labels = tuple(table.columns[found.label][row].strip() for row in rows)
        if "" in labels:
            raise DataError(
                "this frame has no label",
                remedy="give it one, or leave the row out",
                file=table.path,
                line=table.lines[int(rows[labels.index("")])],
            )
    made = Frames(name, values[rows], labels, file=table.path, line=table.lines[first])
    for kind, column in (("group", found.group), ("part", found.part)):
        if column is None:
            continue
        cells = [table.columns[column][row].strip() for row in rows]
        if len(set(cells)) > 1:
            other = next(place for place, cell in enumerate(cells) if cell != cells[0])
            raise DataError(
                f"the {column} of the sequence {quoted(name, 40)} is {quoted(cells[0], 40)}, then "
                f"{quoted(cells[other], 40)}",
                remedy=f"a sequence is of one {kind}: name sequences otherwise, with --id COLUMN",
                file=table.path,
                line=table.lines[int(rows[other])],
            )
        made = replace(made, group=cells[0]) if kind == "group" else replace(made, part=cells[0])
    return made
