"""Tables: CSV, TSV, JSON lines and Parquet. Every cell is text; "NA", "null" and "" are themselves."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recurra.data.delimited import csv_rows, rectangular, tsv_rows
from recurra.data.sources import inner_name, read_blocks
from recurra.data.text import iter_lines
from recurra.errors import DataError

if TYPE_CHECKING:
    import polars as pl

KINDS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")


@dataclass(frozen=True)
class Table:
    """Columns of equal length, every cell text.

    lines[i]: the line, from 1, where row i starts; in a Parquet file, which has no lines, the row from 1.
    """

    path: Path
    columns: dict[str, list[str]]
    lines: list[int]

    def __len__(self) -> int:
        return len(self.lines)


def read_table(path: Path, *, encoding: str = "utf-8", columns: Sequence[str] | None = None) -> Table:
    """A .csv, .tsv, .jsonl (.ndjson) or .parquet file; those of text also as .gz, or alone in a .zip.

    columns: the ones to keep, by default all; for JSON lines, those of the first line. Names in a header are
    stripped of outer white space. CSV is quoted as in RFC 4180; in TSV quotes are literal. In JSON a value
    that is not a string becomes its JSON text, null becomes the empty text; a Parquet value is cast to text
    in the same way.
    Errors: DataError for a kind of file that is none of these, a missing column (names those there are and
    the nearest), a name that stands twice in the header, a row with more or fewer cells than the header, a
    line that is no JSON object or lacks a key, no rows, a line over 1,000,000 characters, or as
    `check_text_file`; each but the first with its line.
    """
    path = Path(path)
    kind = Path(inner_name(path)).suffix.lower()
    if kind == ".parquet" and path.suffix.lower() == ".parquet":
        table = _read_parquet(path, columns)
    elif kind == ".csv":
        table = _read_delimited(path, csv_rows(path, encoding), columns)
    elif kind == ".tsv":
        table = _read_delimited(path, tsv_rows(path, encoding), columns)
    elif kind in (".jsonl", ".ndjson"):
        table = _read_json_lines(path, encoding, columns)
    else:
        raise DataError(
            f"{kind or 'a file without an ending'} is no kind of table that can be read",
            remedy=f"there are {', '.join(KINDS)}; those of text also as .gz or .zip",
            file=path,
        )
    if not table.lines:
        raise DataError("the table has a header and no rows", remedy="give rows", file=path)
    return table


def _read_delimited(path: Path, source: Iterator[tuple[int, list[str]]], columns: Sequence[str] | None) -> Table:
    header, rows = rectangular(source, path)
    places = {name: _place(name, header, path) for name in (header if columns is None else columns)}
    kept: dict[str, list[str]] = {name: [] for name in places}
    targets = [(kept[name].append, place) for name, place in places.items()]
    lines: list[int] = []
    for line, cells in rows:
        lines.append(line)
        for append, place in targets:
            append(cells[place])
    return Table(path, kept, lines)


def _read_json_lines(path: Path, encoding: str, columns: Sequence[str] | None) -> Table:
    kept: dict[str, list[str]] | None = None if columns is None else {name: [] for name in columns}
    lines: list[int] = []
    for number, line in enumerate(iter_lines(path, encoding), start=1):
        if not line.strip():
            continue
        record = _json_object(line, path, number)
        if kept is None:
            kept = {name: [] for name in record}
        for name, cells in kept.items():
            if name not in record:
                raise _missing(name, list(record), path, number)
            cells.append(_json_text(record[name]))
        lines.append(number)
    return Table(path, kept or {}, lines)


def _json_object(line: str, path: Path, number: int) -> dict[str, Any]:
    try:
        record = json.loads(line)
        if "\\u" in line:
            json.dumps(record, ensure_ascii=False).encode("utf-8")
    except json.JSONDecodeError as error:
        raise DataError(
            f"this line is no JSON: {error.msg} at character {error.colno}",
            remedy="one JSON object per line",
            file=path,
            line=number,
        ) from error
    except UnicodeEncodeError as error:
        raise DataError("half of a surrogate pair in an escape", file=path, line=number) from error
    except (RecursionError, ValueError) as error:
        raise DataError(f"this line cannot be read: {error}", file=path, line=number) from error
    if not isinstance(record, dict):
        raise DataError(
            f"this line is a JSON {type(record).__name__}, not an object",
            remedy='one JSON object per line, for example {"text": "...", "label": "..."}',
            file=path,
            line=number,
        )
    return record


def _json_text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _read_parquet(path: Path, columns: Sequence[str] | None) -> Table:
    import polars as pl
    from polars.exceptions import PanicException, PolarsError

    _check_parquet_frame(path)
    try:
        scan = pl.scan_parquet(path, glob=False, hive_partitioning=False)
        there = scan.collect_schema().names()
        for name in columns or ():
            if name not in there:
                raise _missing(name, there, path, None)
        frame = scan.select(there if columns is None else list(columns)).collect()
        kept = {name: _texts(frame[name]) for name in frame.columns}
    except (PolarsError, PanicException, OSError, ValueError) as error:
        first = str(error).split("\n", 1)[0]
        raise DataError(f"this Parquet file cannot be read: {first}", remedy="write it again", file=path) from error
    return Table(path, kept, list(range(1, frame.height + 1)))


def _texts(column: pl.Series) -> list[str]:
    """A column's cells as text, a missing one as the empty text."""
    import polars as pl

    if column.dtype == pl.String:
        return column.fill_null("").to_list()
    if column.dtype.is_nested() or column.dtype in (pl.Binary, pl.Object):
        return [_json_text(value) for value in column.to_list()]
    return column.cast(pl.String).fill_null("").to_list()


def _check_parquet_frame(path: Path) -> None:
    """Whether a file starts and ends as Parquet files do: "PAR1", at least 12 bytes."""
    first, last, size = b"", b"", 0
    for block in read_blocks(path):
        first = first or block[:4]
        last = (last + block)[-4:]
        size += len(block)
    if not size:
        raise DataError("the file is empty", file=path)
    if first != b"PAR1" or last != b"PAR1" or size < 12:
        raise DataError("this is no Parquet file, or half of one", remedy="write it again", file=path)


def _place(name: str, header: list[str], path: Path) -> int:
    if name not in header:
        raise _missing(name, header, path, 1)
    return header.index(name)


def _missing(name: str, there: list[str], path: Path, line: int | None) -> DataError:
    near = difflib.get_close_matches(name, there, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else ""
    if len(there) == 1 and (mark := next((mark for mark in ";\t|" if mark in there[0]), None)):
        hint = f"cells are separated by commas in .csv and tabs in .tsv, here by {mark!r}?"
    return DataError(
        f"no column {name!r}; there are {', '.join(map(repr, there)) or 'none'}",
        remedy=hint,
        file=path,
        line=line,
    )
