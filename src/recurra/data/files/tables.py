"""Tables: CSV, TSV, JSON lines and Parquet. Every cell is text; "NA", "null" and "" are themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from recurra.data.files import parquet_sizes, sources
from recurra.data.files.delimited import csv_rows, rectangular, tsv_rows
from recurra.data.files.json_records import Record, json_lines, json_list
from recurra.data.files.labelled_lines import MARK, is_labelled, labelled_rows
from recurra.data.files.sources import inner_name, read_blocks
from recurra.errors import ColumnError, DataError, nearest, quoted

if TYPE_CHECKING:
    import polars as pl

KINDS = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet")
ROWS = {".csv": csv_rows, ".tsv": tsv_rows, MARK: labelled_rows}
"""How rows of cells are read, a header first."""


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
    """A .csv, .tsv, .jsonl (.ndjson), .json or .parquet file; those of text also as .gz, or alone in a .zip.

    A file of another name whose lines begin with their label as fastText has it is a table of "label" and "text".

    columns: the ones to keep, by default all; for JSON, those of the first record. Names in a header are
    stripped of outer white space. CSV is quoted as in RFC 4180; in TSV quotes are literal. A number or a truth value
    becomes its JSON text; null and NaN become the empty text, as does what is missing in
    Parquet. Bytes in Parquet are read as UTF-8.
    Errors: DataError for a kind of file that is none of these, a missing column (names those there are and
    the nearest), a name asked for that appears twice in the header, a row with more or fewer cells than the header, a
    record that is no JSON object or lacks a key, a list or an object in a column, bytes that are not UTF-8, no rows,
    a line over 1,000,000 characters, or as `check_text_file`; each but the first with its line.
    """
    path = Path(path)
    kind = _kind(path)
    if kind == ".parquet":
        table = _read_parquet(path, columns)
    elif kind in ROWS:
        table = _read_delimited(path, _rows(path, kind, encoding), columns)
    else:
        table = _read_json(path, _records(path, kind, encoding), columns)
    if not table.lines:
        raise _no_rows(path)
    return table


def column_names(path: Path, *, encoding: str = "utf-8") -> list[str]:
    """The names of a table's columns in their order, of JSON those of the first record; rows are not read.

    Errors: DataError, as `read_table` has them for the first row
    """
    path = Path(path)
    kind = _kind(path)
    if kind == ".parquet":
        return list(_parquet_schema(path))
    if kind in ROWS:
        return rectangular(_rows(path, kind, encoding), path)[0]
    return list(next(_records(path, kind, encoding), (0, {}))[1])


def first_rows(path: Path, count: int, *, encoding: str = "utf-8") -> tuple[list[str], list[list[str]]]:
    """The names of a table's columns and the cells of its first rows as text; no more of the file is read than that.

    Errors: DataError, as `read_table` has them for these rows
    """
    path = Path(path)
    kind = _kind(path)
    if kind == ".parquet":
        table = _read_parquet(path, None, rows=count)
        return list(table.columns), [list(row) for row in zip(*table.columns.values(), strict=True)]
    if kind in ROWS:
        header, rows = rectangular(_rows(path, kind, encoding), path)
        return header, [cells for _, cells in islice(rows, count)]
    records = list(islice(_records(path, kind, encoding), count))
    names = list(records[0][1]) if records else []
    return names, [[_json_text(record.get(name), name, path, number) for name in names] for number, record in records]


def _kind(path: Path) -> str:
    """The ending that says how to read it. Errors: DataError for one that says nothing"""
    kind = Path(inner_name(path)).suffix.lower()
    if kind in KINDS and (kind != ".parquet" or path.suffix.lower() == ".parquet"):
        return kind
    if is_labelled(path):
        return MARK
    raise DataError(
        f"{kind or 'a file without an ending'} is not a table format that can be read",
        remedy=f"there are {', '.join(KINDS)}; those of text also as .gz or .zip",
        file=path,
    )


def _rows(path: Path, kind: str, encoding: str) -> Iterator[tuple[int, list[str]]]:
    return ROWS[kind](path, encoding)


def _records(path: Path, kind: str, encoding: str) -> Iterator[Record]:
    return (json_list if kind == ".json" else json_lines)(path, encoding)


def table_rows(path: Path, columns: Sequence[str], *, encoding: str = "utf-8") -> Iterator[tuple[int, Sequence[str]]]:
    """(line, its cells of these columns) of each row; of a Parquet file alone all are in memory at once.

    Errors: DataError, as `read_table`
    """
    path = Path(path)
    kind = _kind(path)
    rows: Iterator[tuple[int, Sequence[str]]]
    if kind == ".parquet":
        table = _read_parquet(path, columns)
        rows = zip(table.lines, zip(*(table.columns[name] for name in columns), strict=True), strict=True)
    elif kind in ROWS:
        _, rows = _delimited(path, _rows(path, kind, encoding), columns)
    else:
        rows = (
            (line, [_cell(record, name, path, line) for name in columns])
            for line, record in _records(path, kind, encoding)
        )
    empty = True
    for row in rows:
        empty = False
        yield row
    if empty:
        raise _no_rows(path)


def _no_rows(path: Path) -> DataError:
    return DataError("the table has a header and no rows", remedy="give rows", file=path)


def _delimited(
    path: Path, source: Iterator[tuple[int, list[str]]], columns: Sequence[str] | None
) -> tuple[Sequence[str], Iterator[tuple[int, Sequence[str]]]]:
    """The columns' names, and (line, their cells) of each row. columns: all if None"""
    header, rows = rectangular(source, path)
    found: dict[str, int] = {}
    twice = set()
    for place, name in enumerate(header):
        if found.setdefault(name, place) != place:
            twice.add(name)
    names = header if columns is None else columns
    for name in names:
        if name not in found:
            raise _missing(name, header, path, 1)
        if name in twice:
            raise DataError(
                f"the column {quoted(name)} appears twice in the header", remedy="rename one", file=path, line=1
            )
    positions = [found[name] for name in names]
    return names, ((line, [cells[place] for place in positions]) for line, cells in rows)


def _read_delimited(path: Path, source: Iterator[tuple[int, list[str]]], columns: Sequence[str] | None) -> Table:
    names, rows = _delimited(path, source, columns)
    kept: dict[str, list[str]] = {name: [] for name in names}
    positions = {name: place for place, name in enumerate(names)}  # a column may be asked for twice
    targets = [(kept[name].append, place) for name, place in positions.items()]
    lines: list[int] = []
    for line, cells in rows:
        lines.append(line)
        for append, place in targets:
            append(cells[place])
    return Table(path, kept, lines)


def _read_json(path: Path, records: Iterator[Record], columns: Sequence[str] | None) -> Table:
    kept: dict[str, list[str]] | None = None if columns is None else {name: [] for name in columns}
    lines: list[int] = []
    for number, record in records:
        if kept is None:
            kept = {name: [] for name in record}
        for name, cells in kept.items():
            cells.append(_cell(record, name, path, number))
        lines.append(number)
    return Table(path, kept or {}, lines)


def _cell(record: dict[str, object], name: str, path: Path, line: int) -> str:
    if name not in record:
        raise _missing(name, list(record), path, line)
    return _json_text(record[name], name, path, line)


def _json_text(value: object, name: str, path: Path, line: int) -> str:
    if isinstance(value, str):
        return value
    if value is None or value != value:  # NaN is what it does not equal
        return ""
    if isinstance(value, (list, dict)):
        kind = "a list" if isinstance(value, list) else "an object"
        raise DataError(f"the {name!r} of this row is {kind}, not a text", remedy=_ONE_TEXT, file=path, line=line)
    return json.dumps(value)


_ONE_TEXT = "write it as one text, or name another column"


def _parquet_schema(path: Path) -> dict[str, pl.DataType]:
    import polars as pl

    _check_parquet_frame(path)
    parquet_sizes.check(path)
    with _polars_errors(path):
        return dict(pl.scan_parquet(path, glob=False, hive_partitioning=False).collect_schema())


def _read_parquet(path: Path, columns: Sequence[str] | None, rows: int | None = None) -> Table:
    import polars as pl

    there = _parquet_schema(path)
    for name in columns or ():
        if name not in there:
            raise _missing(name, list(there), path, None)
    wanted = list(there if columns is None else dict.fromkeys(columns))
    for name in wanted:
        if there[name].is_nested() or there[name] in (pl.Object, pl.Duration):
            raise DataError(
                f"the column {name!r} holds values of type {there[name]}, not texts", remedy=_ONE_TEXT, file=path
            )
    with _polars_errors(path):
        scanned = pl.scan_parquet(path, glob=False, hive_partitioning=False).select(wanted)
        frame = (scanned if rows is None else scanned.head(rows)).collect()
        kept = {name: _texts(frame[name], path) for name in wanted}
    return Table(path, kept, list(range(1, frame.height + 1)))


def parquet_rows(path: Path) -> Iterator[Record]:
    """(row from 1, values by column) of a Parquet file, lists as lists. Errors: DataError if it cannot be read"""
    import polars as pl

    _parquet_schema(path)
    with _polars_errors(path):
        frame = pl.scan_parquet(path, glob=False, hive_partitioning=False).collect()
    yield from enumerate(frame.iter_rows(named=True), start=1)


@contextmanager
def _polars_errors(path: Path) -> Iterator[None]:
    from polars.exceptions import PanicException, PolarsError

    try:
        yield
    except (PolarsError, PanicException, OSError, ValueError) as error:
        first = str(error).split("\n", 1)[0]
        raise DataError(f"this Parquet file cannot be read: {first}", remedy="write it again", file=path) from error


def _texts(column: pl.Series, path: Path) -> list[str]:
    """A column's cells as text, missing ones and NaN as the empty text."""
    import polars as pl

    if column.dtype == pl.Binary:
        _check_texts(column.bin.size(), path)
        return [_decoded(cell, row, column.name, path) for row, cell in enumerate(column.to_list(), start=1)]
    if column.dtype.is_float():
        column = column.fill_nan(None)
    texts = column.cast(pl.String).fill_null("")
    _check_texts(texts.str.len_bytes(), path)
    return texts.to_list()


def _check_texts(sizes: pl.Series, path: Path) -> None:
    """Errors: DataError for cells that are far more than the file, where a value stands once for all of them"""
    limit = max(sources.FREE, sources.MOST_TIMES * path.stat().st_size)
    import polars as pl

    total = sizes.cast(pl.Int64).sum()
    if total > limit:
        raise DataError(
            f"the column {quoted(sizes.name)} holds {total:,} bytes of text, {limit:,} are allowed in a file of "
            f"{path.stat().st_size:,}",
            remedy="if that is right, write it as .csv",
            file=path,
        )


def _decoded(cell: bytes | None, row: int, name: str, path: Path) -> str:
    try:
        return (cell or b"").decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"the {name!r} of this row is bytes that are not UTF-8 (byte {error.start + 1})",
            remedy="write the column as text, or name another one",
            file=path,
            line=row,
        ) from error


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
        raise DataError("this is not a Parquet file, or an incomplete one", remedy="write it again", file=path)


def _missing(name: str, there: list[str], path: Path, line: int | None) -> ColumnError:
    near = nearest(name, there)
    hint = f"did you mean {near!r}?" if near is not None else ""
    if len(there) == 1 and (mark := next((mark for mark in ";\t|" if mark in there[0]), None)):
        hint = f"cells are separated by commas in .csv and tabs in .tsv, here by {mark!r}?"
    return ColumnError(name, there, remedy=hint, file=path, line=line)
