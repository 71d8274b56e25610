"""Which recordings there are, and what is said of each: by folders, by parts of names, or by a table."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from recurra.data.files.tables import Table, first_rows, read_table
from recurra.data.files.trees import files_below
from recurra.data.sound.recording import is_recording
from recurra.data.splits import PART_NAMES
from recurra.errors import DataError, listed, nearest, quoted

PATH_NAMES = (
    "path", "file", "filename", "file_name", "filepath", "audio", "audio_path", "wav", "sound", "recording", "clip",
)  # fmt: skip
LABEL_NAMES = ("label", "class", "category", "event", "event_label", "digit", "word", "command", "target", "text")
START_NAMES = ("start", "onset", "begin", "start_time", "from")
END_NAMES = ("end", "offset", "stop", "end_time", "to")
PARTS_OF_NAMES = ("label", "part")
"""Fields of a name that mean something by themselves."""


@dataclass(frozen=True)
class Event:
    """Units: seconds from the recording's beginning; line: of the table"""

    start: float
    end: float
    label: str
    line: int


@dataclass(frozen=True)
class Listed:
    """A recording. label: "" where its events have labels; fields: what else is said of it, by name; line: of the table
    that lists it, 0 if there is none"""

    path: Path
    label: str
    events: tuple[Event, ...] | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    table: Path = Path()
    line: int = 0


@dataclass(frozen=True)
class Asked:
    """Columns, where they are not found by their names. names: what file names hold, as "{label}_{speaker}_{take}" """

    path: str | None = None
    label: str | None = None
    start: str | None = None
    end: str | None = None
    names: str | None = None


NOTHING = Asked()


def lists_recordings(path: Path) -> bool:
    """Whether a table has a column of paths of recordings."""
    try:
        header, rows = first_rows(path, 5)
    except DataError:
        return False
    return bool(rows) and any(all(is_recording(Path(row[k].strip())) for row in rows) for k in range(len(header)))


def lists_events(path: Path, start: str | None = None, end: str | None = None) -> bool:
    """Whether such a table has the beginning and the end of what has a label. Errors: DataError"""
    header, _ = first_rows(path, 1)
    return _found(header, START_NAMES, start) is not None and _found(header, END_NAMES, end) is not None


def read_folder(folder: Path, asked: Asked = NOTHING, *, labelled: bool = True) -> tuple[list[Listed], list[str]]:
    """The recordings of a folder: the label is the folder that each lies in, or what its name says. Notes beside them.

    Folders train, validation and test above them are their parts.
    Errors: DataError for recordings without a label, and for names that do not follow the pattern
    """
    paths = list(files_below(folder))
    recordings = [path for path in paths if is_recording(path)]
    if not recordings:
        raise DataError("there are no recordings here", remedy="they are .wav, .flac, .ogg ... files", file=folder)
    others = [path.relative_to(folder).as_posix() for path in paths if not is_recording(path)]
    notes = [f"not read, no recordings: {listed(others, 4)}"] if others else []
    found = []
    for path in recordings:
        above = path.relative_to(folder).parts[:-1]
        part = PART_NAMES.get(above[0].lower(), "") if len(above) > (asked.names is None) else ""
        own = above[bool(part) :]
        fields = {} if asked.names is None else fields_of(path, asked.names)
        label = fields.get(asked.label or "label", "/".join(own))
        if labelled and not label:
            raise DataError(
                "nothing says the label of this recording: it lies in no folder of a label",
                remedy=_how_to_say(path) if asked.names is None else "put {label} into --names",
                file=path,
            )
        found.append(Listed(path, label, None, fields | ({"part": part} if part else {})))
    return found, notes


def _how_to_say(path: Path) -> str:
    words = re.split(r"[_-]", path.stem)
    if len(words) < 2:
        return "put each label's recordings into a folder of that name, or list them in a table of path and label"
    sign = "_" if "_" in path.stem else "-"
    shown = sign.join(("{label}", "{speaker}", "{take}", "{other}")[: len(words)])
    return (
        f'if names hold it, say where: --names "{shown}"; else put the recordings of each label into a folder of that '
        "name, or list them in a table of path and label"
    )


def fields_of(path: Path, pattern: str) -> dict[str, str]:
    """What a file's name says. pattern: such as "{label}_{speaker}_{take}"

    Errors: DataError for a name that does not follow it
    """
    found = _compiled(pattern).fullmatch(path.stem)
    if found is None:
        raise DataError(
            f"the name {quoted(path.stem)} does not follow {quoted(pattern)}",
            remedy="rename it, or leave it out",
            file=path,
        )
    return found.groupdict()


def check_pattern(pattern: str) -> tuple[str, ...]:
    """The names of its fields. Errors: DataError for a pattern that is none"""
    return tuple(_compiled(pattern).groupindex)


def _compiled(pattern: str) -> re.Pattern[str]:
    pieces = re.split(r"\{(\w*)\}", pattern)
    names = [name for name in pieces[1::2] if name]
    if len(pieces) == 1 or len(set(names)) < len(names) or any("{" in p or "}" in p for p in pieces[::2]):
        raise DataError(
            f"{quoted(pattern)} is no pattern of names", remedy='write fields in braces: "{label}_{speaker}_{take}"'
        )
    written = ""
    for place, piece in enumerate(pieces):
        written += re.escape(piece) if place % 2 == 0 else (f"(?P<{piece}>.+?)" if piece else ".+?")
    try:
        return re.compile(written)
    except re.error as error:
        raise DataError(f"{quoted(pattern)} is no pattern of names: {error}") from None


def read_listing(path: Path, asked: Asked = NOTHING, *, encoding: str = "utf-8", labelled: bool = True) -> list[Listed]:
    """The recordings of a table: a row each with a label, or a row for each event of one, from `start` to `end`.

    Paths are seen from the table's folder. Errors: DataError with file and row
    """
    table = read_table(path, encoding=encoding)
    for name in (asked.path, asked.label, asked.start, asked.end):
        if name is not None and name not in table.columns:
            near = nearest(name, table.columns)
            raise DataError(
                f"no column {quoted(name)}; there are {listed(table.columns)}",
                remedy=f"did you mean {near!r}?" if near is not None else "",
                file=path,
            )
    paths = asked.path or _of_paths(table)
    label = _found(table.columns, LABEL_NAMES, asked.label)
    start, end = _found(table.columns, START_NAMES, asked.start), _found(table.columns, END_NAMES, asked.end)
    if paths is None:
        raise DataError(
            f"no column holds paths of recordings; there are {listed(table.columns)}",
            remedy="name it with --path COLUMN",
            file=path,
        )
    if label is None and labelled:
        raise DataError(
            f"no column holds labels; there are {listed(table.columns)}",
            remedy="name it with --label COLUMN",
            file=path,
        )
    if start is not None and end is not None and labelled and label is not None:
        return list(_with_events(table, paths, label, start, end))
    return list(_with_labels(table, paths, label))


def _of_paths(table: Table) -> str | None:
    """The column of paths: by its name, else the only one whose cells are names of recordings."""
    holding = [name for name, cells in table.columns.items() if all(is_recording(Path(c.strip())) for c in cells[:5])]
    return holding[0] if len(holding) == 1 else _found(table.columns, PATH_NAMES, None)


def _found(columns: Sequence[str] | Mapping[str, list[str]], names: Sequence[str], asked: str | None) -> str | None:
    if asked is not None:
        return asked
    low = {name.lower(): name for name in reversed(list(columns))}
    return next((low[name] for name in names if name in low), None)


def _rows(table: Table, paths: str) -> Iterator[tuple[int, Path]]:
    for row, cell in enumerate(table.columns[paths]):
        name = cell.strip()
        file = table.path.parent / name
        if not name or not is_recording(file):
            raise DataError(
                f"{quoted(name)} is no name of a recording" if name else "this row names no recording",
                remedy="recordings are .wav, .flac, .ogg ... files",
                file=table.path,
                line=table.lines[row],
            )
        if not file.is_file():
            raise DataError(
                f"there is no recording {quoted(name)}",
                remedy="paths are seen from the table's folder",
                file=table.path,
                line=table.lines[row],
            )
        yield row, file


def _others(table: Table, row: int, used: set[str]) -> dict[str, str]:
    return {name: cells[row].strip() for name, cells in table.columns.items() if name not in used}


def _with_labels(table: Table, paths: str, label: str | None) -> Iterator[Listed]:
    seen: dict[Path, int] = {}
    for row, file in _rows(table, paths):
        line = table.lines[row]
        if file in seen:
            raise DataError(
                f"the recording {quoted(table.columns[paths][row])} stands in line {seen[file]} too",
                remedy="leave one row out; for several labels in a recording give start and end of each",
                file=table.path,
                line=line,
            )
        seen[file] = line
        own = "" if label is None else table.columns[label][row].strip()
        if label is not None and not own:
            raise DataError(
                "this recording has no label", remedy="give it one, or leave the row out", file=table.path, line=line
            )
        yield Listed(file, own, None, _others(table, row, {paths, label or paths}), table.path, line)


def _with_events(table: Table, paths: str, label: str, start: str, end: str) -> Iterator[Listed]:
    events: dict[Path, list[Event]] = {}
    first: dict[Path, int] = {}
    for row, file in _rows(table, paths):
        first.setdefault(file, row)
        cells, line = [table.columns[name][row].strip() for name in (start, end, label)], table.lines[row]
        own = events.setdefault(file, [])
        if not any(cells):  # a recording in which nothing is
            continue
        a, b = (_seconds(cell, name, table.path, line) for cell, name in zip(cells[:2], (start, end), strict=True))
        if not cells[2]:
            raise DataError(
                "this event has no label", remedy="give it one, or leave the row out", file=table.path, line=line
            )
        if a < 0 or b <= a:
            raise DataError(
                f"this event goes from {a:g} s to {b:g} s" + (", before the recording begins" if a < 0 else ""),
                remedy="an event starts at 0 or later and ends after it starts",
                file=table.path,
                line=line,
            )
        own.append(Event(a, b, cells[2], line))
    for file, own in events.items():
        own.sort(key=lambda one: one.start)
        for before, after in pairwise(own):
            if after.start < before.end:
                raise DataError(
                    f"{quoted(after.label)} starts at {after.start:g} s, while {quoted(before.label)} of line "
                    f"{before.line} goes on to {before.end:g} s",
                    remedy="a frame has one label: let one end before the other starts",
                    file=table.path,
                    line=after.line,
                )
        fields = _others(table, first[file], {paths, label, start, end})
        yield Listed(file, "", tuple(own), fields, table.path, table.lines[first[file]])


def _seconds(cell: str, column: str, path: Path, line: int) -> float:
    try:
        found = float(cell)
    except ValueError:
        found = float("nan")
    if found != found or found in (float("inf"), float("-inf")):
        raise DataError(
            f"{quoted(cell)} in the column {quoted(column)} is no time",
            remedy="give seconds, as 1.25",
            file=path,
            line=line,
        )
    return found
