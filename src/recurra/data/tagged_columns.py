"""Columns: a token a line with its tag, a blank line between sentences."""

from __future__ import annotations

import re
from pathlib import Path

from recurra.data.tagged import Gathering, Reading, Tagged
from recurra.data.text import iter_lines
from recurra.errors import DataError, UsageError, quoted

DOCUMENT_START = "-DOCSTART-"
"""The token of lines that part the documents of the CoNLL 2002 and 2003 files."""
_GAP = re.compile("[ \t]+")


def read_columns(path: Path, reading: Reading) -> Tagged:
    """Sentences of a file of columns that stand apart by tabs, or by spaces if the first line of tokens has no tab.

    The token is in the first column and the tag in the last one, if the reading names no others. Lines have as many
    columns as the first one.
    Errors: DataError with file and line for a line that lacks its token or its tag, or has another number of columns;
            UsageError for a column that is no number
    """
    text, label = _number("text", reading.text), _number("label", reading.label)
    gathering = Gathering(path)
    width, tabs = 0, False
    for number, line in enumerate(iter_lines(path, reading.encoding), start=1):
        if number in reading.skip:
            gathering.leave_out(number)
            continue
        if not line.strip(" \t\r"):
            gathering.end_sentence()
            continue
        if not width:
            tabs = "\t" in line
        cells = [cell.strip(" ") for cell in line.split("\t")] if tabs else _GAP.split(line.rstrip(" \t"))
        if cells[0] == DOCUMENT_START:
            gathering.end_sentence()
            continue
        if not width:
            width = _checked_width(path, number, cells, text, label)
        if len(cells) != width or not all(cells):
            raise _misfit(path, number, cells, width)
        gathering.add(cells[text - 1 if text else 0], cells[label - 1 if label else -1], number)
    gathering.end_sentence()
    return gathering.found


def _number(role: str, asked: str | None) -> int | None:
    if asked is None:
        return None
    if not asked.isdecimal() or len(asked) > 6 or int(asked) < 1:
        raise UsageError(f"the columns of such a file have no names; {role} is a number from 1, got {quoted(asked)}")
    return int(asked)


def _checked_width(path: Path, line: int, cells: list[str], text: int | None, label: int | None) -> int:
    """The number of columns. Errors: DataError if there are fewer than are asked for"""
    if len(cells) < 2 or not all(cells):
        raise _misfit(path, line, cells, 2)
    for column in (text, label):
        if column is not None and column > len(cells):
            raise DataError(f"there is no column {column}, this line has {len(cells)}", file=path, line=line)
    return len(cells)


def _misfit(path: Path, line: int, cells: list[str], width: int) -> DataError:
    remedy = f"mend the line, or leave it out with --skip-lines {path.name}:{line}, not with --strict"
    there = [cell for cell in cells if cell]
    if not there[1:] and width == 2:
        lost = "token" if not cells[0] else "tag" if len(cells) > 1 else "token or its tag"
        return DataError(
            f"{quoted(there[0])} stands alone on its line, without its {lost}", remedy=remedy, file=path, line=line
        )
    return DataError(f"this line has {len(there)} columns, expected {width}", remedy=remedy, file=path, line=line)
