"""Data that stand in memory: written into a file of the cache, which the readers of files then read."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from recurra.api.given_datasets import is_dataset, rows_of_dataset
from recurra.api.given_frames import are_arrays, rows_of
from recurra.data.datasets.download import cache_folder
from recurra.data.files.whole import write_whole
from recurra.errors import DataError, UsageError
from recurra.tasks import registry
from recurra.tasks.given import path, plain
from recurra.terminal import whole

LABELLED, TAGGED = ("text", "label"), ("tokens", "tags")
"""What the columns of pairs are called where no task is named."""
TAKEN = (
    "a path or a name, a pandas or polars frame, a data set of Hugging Face, a list of texts with labels=[...], a list "
    "of (text, label) pairs, or, for a task that learns from these alone, a list of texts or numbers"
)


def as_path(data: Any, labels: Any = None, task: str | None = None) -> Path:
    """The path of a file, a folder or a data set; data in memory are written to the cache, the same to the same file.

    data: a path or a name; a pandas or polars frame; a data set of Hugging Face's `datasets`; texts (with `labels`, one
    for each); pairs of a text and its label or translation, or of a list of tokens and a list of tags; labelled arrays
    of frames, [N, T, I] or several [T, I]
    Errors: UsageError for anything else, with the number (from 1) of the row; DataError if there is nothing in it
    """
    if isinstance(data, (str, os.PathLike)):
        if labels is not None:
            raise UsageError("labels go with a list of texts; for a file, name the column with label=")
        return path(data, "data")
    if is_dataset(data):
        if labels is not None:
            raise UsageError("labels go with a list of texts; for a data set, name the column with label=")
        rows: Iterator[dict[str, Any]] = (_cells(row) for row in rows_of_dataset(data))
    elif hasattr(data, "columns") and not isinstance(data, Mapping):
        if labels is not None:
            raise UsageError("labels go with a list of texts; for a frame, name the column with label=")
        rows = _frame(data)
    elif getattr(data, "ndim", 1) == 2 and labels is None and hasattr(data, "tolist"):
        rows = _numbered(data.tolist(), LABELLED if task is None else registry.get(task).columns)
    elif are_arrays(data):
        rows = (_cells(row) for row in rows_of(data, labels))
    else:
        names = LABELLED if task is None else registry.get(task).columns
        if labels is None and len(names) > 1:
            data = _paired(data)
        rows = _listed(data, labels, names)
    return _written(rows)


def _numbered(rows: list[list[Any]], names: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """The rows of an array of numbers, of a task that learns from these alone: a column each. Errors: UsageError"""
    numbers = all(isinstance(cell, int | float) for row in rows for cell in row)
    if len(names) != 1 or not numbers:
        raise UsageError(f"an array of rows and columns holds numbers for a task that learns from them; give {TAKEN}")
    for row in rows:
        yield {f"{names[0]} {place}": _cell(cell) for place, cell in enumerate(row, start=1)}


def _paired(data: Any) -> Any:
    """The data as a list. Errors: UsageError if they begin with a text alone"""
    made = list(data) if isinstance(data, Iterable) and not isinstance(data, (Mapping, bytes)) else data
    if isinstance(made, list) and made and isinstance(made[0], str):
        alone = " or ".join(repr(row.name) for row in registry.ROWS if len(row.columns) == 1)
        raise UsageError(
            f"data must be texts with labels, unless task is {alone}: give labels=[...], or pairs of text and label; "
            "for a file give its path alone"
        )
    return made


def _frame(data: Any) -> Iterator[dict[str, Any]]:
    names = [str(name) for name in data.columns]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UsageError(f"the column {twice!r} of the frame appears twice; rename one")
    columns = [_column(data, place) for place in range(len(names))]
    for cells in zip(*columns, strict=True):
        yield {name: _cell(cell) for name, cell in zip(names, cells, strict=True)}


def _column(data: Any, place: int) -> list[Any]:
    if callable(getattr(data, "get_column", None)):  # polars
        return list(data.get_column(data.columns[place]).to_list())
    if hasattr(data, "iloc"):  # pandas
        return list(data.iloc[:, place].tolist())
    raise UsageError(f"data must be {TAKEN}; got a {type(data).__name__}")


def _listed(data: Any, labels: Any, names: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    if isinstance(data, (Mapping, bytes, bytearray, set, frozenset)) or not isinstance(data, Iterable):
        raise UsageError(f"data must be {TAKEN}; got a {type(data).__name__}")
    rows = list(data)
    if labels is None:
        for number, row in enumerate(rows, start=1):
            if isinstance(row, str):
                yield {names[0]: _text(row, number)}
            elif len(names) == 1 and isinstance(plain(row), int | float):
                yield {names[0]: _side(row, number)}
            elif isinstance(row, Sequence) and not isinstance(row, bytes) and len(row) == 2:
                sides = _side(row[0], number), _side(row[1], number)
                yield dict(zip(TAGGED if isinstance(sides[0], list) else _pair(names), sides, strict=True))
            else:
                raise UsageError(
                    f"row {number} is a {type(row).__name__}, neither a text nor a pair; data must be {TAKEN}"
                )
        return
    if isinstance(labels, (str, bytes, Mapping)) or not isinstance(labels, Iterable):
        raise UsageError(f"labels must be a list with one for each text, got a {type(labels).__name__}")
    given = list(labels)
    if len(given) != len(rows):
        raise UsageError(f"{len(rows):,} texts and {len(given):,} labels; give one label for each text")
    for number, (row, label) in enumerate(zip(rows, given, strict=True), start=1):
        yield dict(zip(_pair(names), (_text(row, number), _side(label, number)), strict=True))


def _pair(names: tuple[str, ...]) -> tuple[str, ...]:
    return names if len(names) == 2 else LABELLED


def _text(value: Any, number: int) -> str:
    if not isinstance(value, str):
        raise UsageError(f"text {number} is a {type(value).__name__}, not a text; leave it out, or make it one")
    return whole(str(value))


def _side(value: Any, number: int) -> Any:
    """A text, a label that may be a number, or a list of tokens or tags."""
    made = _cell(value)
    if made is None:
        raise UsageError(f"row {number} has nothing where its text or label should be; leave it out")
    return made


def _cell(value: Any) -> Any:
    """As JSON has it; nothing for None and NaN."""
    value = plain(value)
    if value is None or value != value:
        return None
    if isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, (list, tuple)):
        return [whole(str(each)) for each in value]
    return whole(str(value))


def _cells(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _cell(cell) for name, cell in row.items()}


def _written(rows: Iterator[dict[str, Any]]) -> Path:
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    if not lines:
        raise DataError("the data have no rows", remedy=f"give {TAKEN}")
    content = ("\n".join(lines) + "\n").encode()
    file = cache_folder() / "given" / hashlib.sha256(content).hexdigest()[:16] / "data.jsonl"
    if not (file.is_file() and file.stat().st_size == len(content)):
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            write_whole(file, content)
        except OSError as error:
            raise DataError(f"cannot be written: {error.strerror or error}", file=file) from error
    return file
