"""Frames in memory as tables of text."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recurra.data.files.tables import Table
from recurra.errors import UsageError

MEMORY = Path("<data in memory>")


def as_table(frame: Any) -> Table:
    """A pandas or polars frame, or a dict of columns, as a table; a missing value is an empty cell.

    Errors: UsageError for anything else, for columns of different lengths or without rows
    """
    if isinstance(frame, Mapping):
        columns = {str(name): list(cells) for name, cells in frame.items()}
    elif callable(getattr(frame, "get_column", None)):  # polars
        columns = {str(name): frame.get_column(name).to_list() for name in frame.columns}
    elif hasattr(frame, "iloc"):  # pandas
        columns = {str(name): frame.iloc[:, place].tolist() for place, name in enumerate(frame.columns)}
    else:
        raise UsageError(f"expected a pandas or polars frame, got a {type(frame).__name__}")
    lengths = {len(cells) for cells in columns.values()}
    if len(lengths) != 1 or not lengths.pop():
        raise UsageError("a frame has columns of one length and a row at least")
    texts = {name: [_text(cell) for cell in cells] for name, cells in columns.items()}
    return Table(MEMORY, texts, list(range(1, len(next(iter(texts.values()))) + 1)))


def _text(cell: Any) -> str:
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    return repr(cell) if isinstance(cell, float) else str(cell)
