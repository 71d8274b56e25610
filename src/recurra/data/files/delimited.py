"""Rows of CSV and TSV files, each with the line where it starts.

Read with the standard library, which counts lines; polars fills up short rows in silence and names no line.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from recurra.data.files.text import MAX_LINE, iter_lines
from recurra.errors import DataError

Row = tuple[int, list[str]]
AT_ONCE = 64
"""Rows of CSV that are read under one limit of its reader."""


def tsv_rows(path: Path, encoding: str) -> Iterator[Row]:
    """(line, cells) of each line that is not blank. Quotes are characters like any other, as in IANA's TSV."""
    for number, line in enumerate(iter_lines(path, encoding), start=1):
        if line.strip():
            yield number, line.removesuffix("\r").split("\t")


def csv_rows(path: Path, encoding: str) -> Iterator[Row]:
    """(line where the row starts, cells) of each row that is not blank, as RFC 4180 has them.

    A quoted cell may hold commas, doubled quotes and line feeds. Where the header has semicolons or tabs and no comma,
    these separate cells, as in spreadsheets where the comma stands before decimals; so does what a first line `sep=;`
    names.
    Errors: DataError, with its line, for a stray or unclosed quote or a cell over 1,000,000 characters.
    """
    separator, lines = _separated(iter_lines(path, encoding))
    reader = csv.reader((f"{line}\n" for line in lines), delimiter=separator, strict=True)
    more, error = True, None
    while more and error is None:
        some, more, error = _some_rows(reader, path)
        yield from some
    if error is not None:
        raise error


def _separated(lines: Iterator[str]) -> tuple[str, Iterator[str]]:
    """What separates cells, by the first line that is not blank, and all lines; one that only says so is made blank."""
    opening: list[str] = []
    for line in lines:
        opening.append(line)
        if line.strip():
            break
    else:
        return ",", iter(opening)
    declared = re.fullmatch(r"sep=([,;\t|])\s*", opening[-1])
    if declared:
        opening[-1] = ""
        return declared[1], chain(opening, lines)
    unquoted = re.sub(r'"[^"]*"', "", opening[-1])
    return next((sign for sign in ",;\t" if sign in unquoted), ","), chain(opening, lines)


def _some_rows(reader: Any, path: Path) -> tuple[list[Row], bool, Exception | None]:
    """The next rows, without blank ones; whether there may be more; what went wrong after them."""
    some: list[Row] = []
    limit = csv.field_size_limit(MAX_LINE)  # of the whole process: set for these rows only
    start = 0
    try:
        for _ in range(AT_ONCE):
            start = reader.line_num + 1
            cells = next(reader, None)
            if cells is None:
                return some, False, None
            if cells and not (len(cells) == 1 and not cells[0].strip()):
                some.append((start, cells))
    except csv.Error as error:
        problem, remedy = _explained(str(error))
        found = DataError(problem, remedy=remedy, file=path, line=start)
        found.__cause__ = error
        return some, False, found
    except DataError as error:  # of the lines: the rows before it come first
        return some, False, error
    finally:
        csv.field_size_limit(limit)
    return some, True, None


def _explained(message: str) -> tuple[str, str]:
    """Problem and remedy for what the standard library's reader says."""
    if "field limit" in message:
        return f"a cell of this row has over {MAX_LINE:,} characters", "is a quote not closed?"
    if "unexpected end of data" in message:
        return "a quote that this row opens is never closed", "close it, or double quotes inside a cell"
    if "new-line character" in message:
        return "a carriage return stands inside this row", "end lines with LF or CRLF"
    return f"this row is no CSV: {message}", "double the quotes inside a quoted cell"


def rectangular(rows: Iterator[Row], path: Path) -> tuple[list[str], Iterator[Row]]:
    """The header, stripped, and the rows below it.

    Errors: DataError for no header, or, while reading, a row with another number of cells.
    """
    first = next(rows, None)
    if first is None:
        raise DataError("the table has only blank lines", remedy="give a header and rows", file=path)
    header = [cell.strip().removeprefix("\ufeff") for cell in first[1]]
    return header, _of_width(rows, len(header), path)


def _of_width(rows: Iterator[Row], width: int, path: Path) -> Iterator[Row]:
    for line, cells in rows:
        if len(cells) != width:
            raise DataError(
                f"this row has {len(cells)} cells, the header has {width}",
                remedy="quote cells that hold the separator" if path.suffix != ".tsv" else "",
                file=path,
                line=line,
            )
        yield line, cells
