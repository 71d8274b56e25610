"""Labelled sequences of .arff files: relational ones of the UEA archive, plain ones of the UCR archive and of Weka."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from recurra.data.files.tables import Table
from recurra.data.files.text import iter_lines
from recurra.data.frames.sequences import Frames, Recordings
from recurra.data.frames.table import ID_NAMES, LABEL_NAMES, TIME_NAMES, Reading, from_table
from recurra.data.series.numbers import is_missing, numbers
from recurra.errors import DataError, listed, quoted

NUMERIC = ("numeric", "real", "integer")
TARGETS = (*LABEL_NAMES, "target")
"""What the attribute of labels is called, in lower case; without one of these, the last that is nominal."""
_QUOTED = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
_NAME = re.compile(rf"@attribute\s+({_QUOTED}|\S+)\s+(.*)", re.IGNORECASE | re.DOTALL)
_CELL = re.compile(rf"\s*({_QUOTED}|[^,'\"\s][^,]*|)\s*(?:(,)|$)", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_STEP = re.compile(r"(.*?)(\d+)")


@dataclass(frozen=True)
class Attribute:
    """kind: "numeric", "nominal", "relational", or another word of the file's; values: of a nominal one; inner: of a
    relational one"""

    name: str
    kind: str
    values: tuple[str, ...] = ()
    inner: list[Attribute] = field(default_factory=list)


def read_arff_frames(path: Path, how: Reading) -> Recordings:
    """The sequences of a file.

    A relational attribute holds a sequence: a row of it is a channel where its attributes are numbered steps (UEA), a
    frame where they have other names. Without one, a row is a sequence of one channel (UCR), unless an attribute names
    sequences or times, or is asked for as such: then a row is a frame, as in other tables.
    Errors: DataError with line
    """
    attributes, rows = _read(path, how.encoding)
    relations = [place for place, each in enumerate(attributes) if each.kind == "relational"]
    if len(relations) > 1:
        raise DataError(
            f"{len(relations)} relational attributes; one holds the frames", remedy="leave the others out", file=path
        )
    label = _label(attributes, how, path)
    if not relations and _row_is_frame(attributes, how):
        columns = {each.name: [cells[place] for _, cells in rows] for place, each in enumerate(attributes)}
        columns = {name: ["" if cell == "?" else cell for cell in cells] for name, cells in columns.items()}
        asked = how.asked if label is None else replace(how.asked, label=attributes[label].name)
        return from_table(Table(path, columns, [line for line, _ in rows]), replace(how, asked=asked))
    if label is None and how.labelled:
        raise DataError(
            f"no attribute holds labels; there are {listed([each.name for each in attributes])}",
            remedy="name it with --label NAME",
            file=path,
        )
    names = {each.name.lower(): place for place, each in enumerate(attributes)}
    named = names.get((how.asked.id or "").lower())
    groups = {kind: names.get((getattr(how.asked, kind) or "").lower()) for kind in ("group", "part")}
    sequences = []
    for number, (line, cells) in enumerate(rows, start=1):
        values = (
            _related(cells[relations[0]], attributes[relations[0]], path, line)
            if relations
            else _plain(cells, attributes, {label, named, *groups.values()}, path, line)
        )
        own = () if label is None or not how.labelled else (_labelled(cells[label], attributes[label], path, line),)
        name = f"S{number}" if named is None else cells[named]
        more = {kind: "" if place is None else cells[place] for kind, place in groups.items()}
        sequences.append(Frames(name, values, own, more["group"], more["part"], path, line))
    width = sequences[0].values.shape[1]
    for one in sequences:
        if one.values.shape[1] != width:
            raise DataError(
                f"this sequence has {one.values.shape[1]} channels, the first has {width}", file=path, line=one.line
            )
    inner = attributes[relations[0]].inner if relations else []
    if inner and not _are_steps(inner):
        channels = tuple(each.name for each in inner)
    else:
        channels = ("value",) if width == 1 else tuple(f"dimension {k + 1}" for k in range(width))
    return Recordings(sequences, channels)


def _read(path: Path, encoding: str) -> tuple[list[Attribute], list[tuple[int, list[str]]]]:
    attributes: list[Attribute] = []
    open_at: Attribute | None = None
    lines = enumerate(iter_lines(path, encoding), start=1)
    for number, line in lines:
        text = line.strip()
        word = text.split(None, 1)[0].lower() if text else "%"
        if word.startswith("%") or word == "@relation":
            continue
        if word == "@data":
            break
        if word == "@end":
            open_at = None
            continue
        made = _attribute(text, path, number)
        (attributes if open_at is None else open_at.inner).append(made)
        if made.kind == "relational":
            open_at = made
    else:
        raise DataError("there is no @data", remedy="rows stand below a line @data", file=path)
    if not attributes:
        raise DataError("there is no @attribute", remedy="name what the cells of a row are", file=path)
    rows = []
    for number, line in lines:
        if line.strip() and not line.lstrip().startswith("%"):
            rows.append((number, _cells(line.strip(), len(attributes), path, number)))
    if not rows:
        raise DataError("there is no row below @data", remedy="give at least one", file=path)
    return attributes, rows


def _attribute(text: str, path: Path, line: int) -> Attribute:
    found = _NAME.fullmatch(text)
    if found is None:
        raise DataError(f"expected @attribute NAME TYPE before @data, got {quoted(text, 40)}", file=path, line=line)
    name, kind = _bare(found[1]), found[2].strip()
    if kind.startswith("{") and kind.endswith("}"):
        return Attribute(name, "nominal", tuple(_split(kind[1:-1], path, line)))
    word = kind.split(None, 1)[0].lower()
    return Attribute(name, "numeric" if word in NUMERIC else word)


def _cells(text: str, count: int, path: Path, line: int) -> list[str]:
    if text.startswith("{"):
        raise DataError(
            "a sparse row, in { }", remedy="write all of its values, with commas between", file=path, line=line
        )
    cells = list(_split(text, path, line))
    if len(cells) != count:
        raise DataError(
            f"this row has {len(cells):,} cells, the header {count:,} attributes",
            remedy="cells stand between commas; what holds commas is quoted; a missing one is ?",
            file=path,
            line=line,
        )
    return cells


def _split(text: str, path: Path, line: int) -> Iterator[str]:
    """The cells of a row, without their quotes."""
    place = 0
    while True:
        found = _CELL.match(text, place)
        if found is None:
            raise DataError(
                f"a quote without its end, or something behind it: {quoted(text[place : place + 40])}",
                file=path,
                line=line,
            )
        yield _bare(found[1])
        if found[2] is None:
            return
        place = found.end()


def _bare(cell: str) -> str:
    """Without quotes and escapes."""
    cell = cell.strip()
    if len(cell) > 1 and cell[0] == cell[-1] and cell[0] in "'\"":
        return _ESCAPED.sub(lambda found: {"n": "\n", "r": "\r", "t": "\t"}.get(found[1], found[1]), cell[1:-1])
    return cell


def _label(attributes: list[Attribute], how: Reading, path: Path) -> int | None:
    names = [each.name for each in attributes]
    if how.asked.label is not None:
        if how.asked.label not in names:
            raise DataError(f"no attribute {quoted(how.asked.label)}; there are {listed(names)}", file=path)
        return names.index(how.asked.label)
    nominal = [place for place, each in enumerate(attributes) if each.kind in ("nominal", "string")]
    by_name = [place for place, each in enumerate(attributes) if each.name.lower() in TARGETS]
    return next(iter([*by_name, *nominal[::-1]]), None)


def _row_is_frame(attributes: list[Attribute], how: Reading) -> bool:
    if how.asked.id is not None or how.asked.time is not None or how.asked.channels:
        return True
    return any(each.name.lower() in (*ID_NAMES, *TIME_NAMES) for each in attributes)


def _are_steps(inner: list[Attribute]) -> bool:
    """Whether names are one word and rising numbers: steps of time, or channels that are numbered."""
    found = [_STEP.fullmatch(each.name) for each in inner]
    numbered = [(each[1], int(each[2])) for each in found if each is not None]
    start = numbered[0][1] if numbered else 0
    return numbered == [(numbered[0][0], start + k) for k in range(len(inner))] if numbered else False


def _related(cell: str, attribute: Attribute, path: Path, line: int) -> np.ndarray:
    """[T, I] of a relational cell. Errors: DataError"""
    rows = [row.split(",") for row in cell.split("\n") if row.strip()]
    steps = _are_steps(attribute.inner)
    lengths = sorted({len(row) for row in rows})
    if not rows or (attribute.inner and lengths != [len(attribute.inner)]):
        raise DataError(
            f"a row of the relation has {', '.join(map(str, lengths)) or 'no'} values, {quoted(attribute.name)} has "
            f"{len(attribute.inner)}",
            remedy="a value for each of its attributes, ? for a missing one; rows end with \\n",
            file=path,
            line=line,
        )
    values = np.stack([numbers(row, column=attribute.name, path=path, lines=[line] * len(row)) for row in rows])
    return _without_end(values.T if steps else values, path, line)


def _plain(cells: list[str], attributes: list[Attribute], others: set[int | None], path: Path, line: int) -> np.ndarray:
    """[T, 1] of a row of numbers. Errors: DataError"""
    steps = [place for place, each in enumerate(attributes) if each.kind == "numeric" and place not in others]
    if not steps:
        raise DataError("no attribute is numeric", remedy="frames are numbers", file=path)
    found = [numbers([cells[place]], column=attributes[place].name, path=path, lines=[line])[0] for place in steps]
    return _without_end(np.array(found)[:, None], path, line)


def _without_end(values: np.ndarray, path: Path, line: int) -> np.ndarray:
    """Without the missing values at the end, by which shorter sequences are filled up. Errors: DataError if all are"""
    known = np.flatnonzero(~np.isnan(values).all(1))
    if not len(known):
        raise DataError("this sequence has no value at all", remedy="leave it out", file=path, line=line)
    return np.ascontiguousarray(values[: known[-1] + 1])


def _labelled(cell: str, attribute: Attribute, path: Path, line: int) -> str:
    if is_missing(cell):
        raise DataError("this sequence has no label", remedy="give it one, or leave the row out", file=path, line=line)
    if attribute.values and cell not in attribute.values:
        raise DataError(
            f"the label {quoted(cell, 40)} is none of the header's, {listed(attribute.values)}",
            remedy="name it there, or correct it",
            file=path,
            line=line,
        )
    return cell
