"""What a table says of clips or pictures: a label each, a label a frame, or labels from frame to frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from recurra.data.files.tables import Table, read_table
from recurra.data.frames.table import LABEL_NAMES, Columns
from recurra.errors import DataError, listed, nearest, quoted

NAMES = (
    "clip", "video", "id", "sequence", "recording", "name", "path", "file", "filename", "folder", "picture", "image",
)  # fmt: skip
FRAMES = ("frame", "frame_number", "number", "step")
STARTS, ENDS = ("start", "from", "begin", "first"), ("end", "to", "stop", "last")
"""Of columns, in lower case."""


@dataclass
class Said:
    """Of one clip.

    lines: rows of the table; spans: first and last frame, label, line; label: of the whole clip
    """

    name: str
    lines: list[int] = field(default_factory=list)
    label: str | None = None
    spans: list[tuple[int, int, str, int]] = field(default_factory=list)
    group: str = ""
    part: str = ""

    def labels(self, frames: Sequence[tuple[int, str]], path: Path) -> tuple[str, ...]:
        """One, or one a frame. frames: number and name of each

        Errors: DataError for labels outside the clip, overlapping ones, frames without one
        """
        if self.label is not None:
            return (self.label,)
        numbers = {number: place for place, (number, _) in enumerate(frames)}
        first, last = frames[0][0], frames[-1][0]
        found: list[str | None] = [None] * len(frames)
        from_line = [0] * len(frames)
        for start, end, label, line in self.spans:
            for number in (start, end):
                if number < first or number > last:
                    raise DataError(
                        f"the label {quoted(label, 40)} lies outside of the clip {quoted(self.name, 40)}: frame "
                        f"{number}, whose frames are {first} to {last}",
                        remedy="correct the row; frames are numbered as in the names of their files",
                        file=path,
                        line=line,
                    )
            for number in range(start, end + 1):
                place = numbers.get(number)
                if place is None:
                    continue
                if found[place] is not None:
                    raise DataError(
                        f"frame {number} of the clip {quoted(self.name, 40)} has a label already, from line "
                        f"{from_line[place]}",
                        remedy="a frame has one label: correct one of the rows",
                        file=path,
                        line=line,
                    )
                found[place], from_line[place] = label, line
        empty = next((place for place, label in enumerate(found) if label is None), None)
        if empty is not None:
            raise DataError(
                f"frame {frames[empty][0]} of the clip {quoted(self.name, 40)} has no label; "
                f"{sum(label is None for label in found):,} of {len(frames):,} have none",
                remedy="give each frame a label, a word of its own for what is none",
                file=path,
                line=self.lines[0],
            )
        return tuple(label for label in found if label is not None)


@dataclass(frozen=True)
class ClipTable:
    """What a table says, by the names in it; taken: those that were asked for."""

    path: Path
    said: dict[str, Said]
    taken: set[str] = field(default_factory=set)

    def of(self, relative: PurePosixPath) -> Said | None:
        """Of the clip at a place below the table's folder: by its path, or the end of it, with or without ending."""
        forms = (relative, relative.with_suffix(""))
        for name in (text for form in forms for text in (str(form), form.name)):
            if name in self.said:
                self.taken.add(name)
                return self.said[name]
        return None

    def check_all_taken(self, known: Sequence[str]) -> None:
        """Errors: DataError for a name that is no clip"""
        left = next((one for name, one in self.said.items() if name not in self.taken), None)
        if left is not None:
            near = nearest(left.name, known)
            raise DataError(
                f"{quoted(left.name, 60)} is no clip of this folder, nor a picture of it",
                remedy=f"did you mean {near!r}?" if near else "correct the row, or leave it out",
                file=self.path,
                line=left.lines[0],
            )


def read_clip_table(path: Path, asked: Columns, *, encoding: str = "utf-8", sort: bool = False) -> ClipTable:
    """Rows of a clip and its label, or of a clip, a frame and its label, or of a clip, its first and last frame, label.

    Errors: DataError with line for a missing column, an empty label, a number that is none, a clip that returns after
    others, two labels of one clip, a group or part that changes inside of a clip
    """
    table = read_table(path, encoding=encoding)
    name = _column(table, asked.id, NAMES, "names clips", "--id")
    label = _column(table, asked.label, LABEL_NAMES, "holds labels", "--label")
    low = {each.lower(): each for each in reversed(table.columns)}
    one, start, end = (next((low[n] for n in names if n in low), None) for names in (FRAMES, STARTS, ENDS))
    first, last = (start, end) if start and end else (one, one)
    found: dict[str, Said] = {}
    before = None
    for row, line in enumerate(table.lines):
        cells = {column: table.columns[column][row].strip() for column in table.columns}
        key = cells[name].replace("\\", "/").strip("/").removeprefix("./")
        if not key or not cells[label]:
            raise DataError(
                f"the {label if key else name} of this row is empty",
                remedy="give it one, or leave the row out",
                file=path,
                line=line,
            )
        if key in found and key != before and not sort:
            raise DataError(
                f"the {name} {quoted(key, 40)} returns here, after others; it ended in line {found[key].lines[-1]}",
                remedy="if it is the same clip, --sort puts its rows together; if not, name it otherwise",
                file=path,
                line=line,
            )
        said = found.setdefault(key, Said(key))
        for kind, column in (("group", asked.group), ("part", asked.part)):
            _set(said, kind, column, cells, path, line)
        said.lines.append(line)
        before = key
        if first is None or last is None:
            if said.label is not None:
                raise DataError(
                    f"the {name} {quoted(key, 40)} has a label already, {quoted(said.label, 40)} in line "
                    f"{said.lines[0]}",
                    remedy="for labels of frames give a column frame, or start and end",
                    file=path,
                    line=line,
                )
            said.label = cells[label]
            continue
        a, b = (_frame(cells[column], column, path, line) for column in (first, last))
        if b < a:
            raise DataError(f"this label ends with frame {b}, before it begins with {a}", file=path, line=line)
        said.spans.append((a, b, cells[label], line))
    return ClipTable(path, found)


def _set(said: Said, kind: str, column: str | None, cells: dict[str, str], path: Path, line: int) -> None:
    if column is None:
        return
    if column not in cells:
        raise DataError(f"no column {quoted(column)}; there are {listed(cells)}", file=path)
    if said.lines and getattr(said, kind) != cells[column]:
        raise DataError(
            f"the {column} of {quoted(said.name, 40)} is {quoted(getattr(said, kind), 40)}, then "
            f"{quoted(cells[column], 40)}",
            remedy=f"a clip is of one {kind}",
            file=path,
            line=line,
        )
    setattr(said, kind, cells[column])


def _column(table: Table, asked: str | None, names: Sequence[str], what: str, option: str) -> str:
    low = {each.lower(): each for each in reversed(table.columns)}
    found = asked if asked is not None else next((low[name] for name in names if name in low), None)
    if found is None or found not in table.columns:
        raise DataError(
            f"no column {quoted(found)}; there are {listed(table.columns)}"
            if found is not None
            else f"no column {what}; there are {listed(table.columns)}",
            remedy=f"name it with {option} COLUMN",
            file=table.path,
        )
    return found


def _frame(cell: str, column: str, path: Path, line: int) -> int:
    """The number of a frame, or that in the name of its file."""
    digits = "".join(sign if sign.isdecimal() else " " for sign in PurePosixPath(cell).stem).split()
    if not digits or (cell.lstrip("-").replace(".", "", 1).isdecimal() and not cell.isdecimal()):
        raise DataError(
            f"the {column} {quoted(cell, 40)} is no number of a frame",
            remedy="whole numbers, or names of files",
            file=path,
            line=line,
        )
    return int(digits[-1])
