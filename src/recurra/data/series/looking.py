"""Whether a table holds series, by its first rows."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from recurra.data.files.tables import first_rows
from recurra.data.series.numbers import is_missing, is_number, mostly_numbers
from recurra.data.series.roles import ID_NAMES, PARTS_OF_TIME, TIME_NAMES
from recurra.data.series.times import looks_like_time
from recurra.errors import DataError

ROWS = 50
"""That are looked at."""


def looks_like_series(path: Path) -> bool:
    """Whether a table has a column of times, and more of numbers than of texts.

    A column that names series (unique_id) counts for neither. What cannot be read is no series; who reads it tells.
    """
    try:
        header, rows = first_rows(path, ROWS)
    except DataError:
        return False
    columns = {name: [row[k].strip() for row in islice(rows, ROWS)] for k, name in enumerate(header)}
    columns = {name: cells for name, cells in columns.items() if not all(is_missing(cell) for cell in cells)}
    parts = [name for name in columns if name.lower() in PARTS_OF_TIME]
    times = [name for name, cells in columns.items() if _are_times(name, cells)]
    if not times and len(parts) < 2:
        return False
    others = {n: c for n, c in columns.items() if n not in times and n not in parts and n.lower() not in ID_NAMES}
    numbers = sum(mostly_numbers(cells) for cells in others.values())
    return numbers > len(others) - numbers


def _are_times(name: str, cells: list[str]) -> bool:
    if all(is_number(cell) for cell in cells):
        if name.lower() == "ds":  # of the long form, where steps may be numbered
            return True
        return name.lower() in TIME_NAMES and looks_like_time(cells)
    return looks_like_time(cells)
