"""Numbers as cells write them: a missing one is told from a wrong one."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from recurra.errors import DataError, quoted

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?", "-", "missing"})
"""What stands, in lower case, where a number is missing."""
INFINITE = frozenset({"inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"})
LARGEST = 1e30
"""Networks compute with 32 bits, whose largest number is 3.4e38, and with sums of squares of what is scaled."""
_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_GROUPED = re.compile(r"[+-]?\d{1,3}([,.'\u00a0\u202f ]\d{3})+([.,]\d+)?")
_OTHERWISE = re.compile(rf"{_GROUPED.pattern}|[+-]?\d+,\d+")


def is_number(cell: str, decimal: str = ".") -> bool:
    """Whether a cell is a plain number, written with this sign of decimals."""
    cell = cell.strip()
    return _PLAIN.fullmatch(cell.replace(decimal, ".") if decimal != "." else cell) is not None


def is_missing(cell: str) -> bool:
    """Whether a cell says that its number is missing."""
    return cell.strip().lower() in MISSING


def mostly_numbers(cells: Sequence[str], decimal: str = ".", thousands: str = "") -> bool:
    """Whether nine tenths of what is not missing are numbers, or infinite, or written with other signs: a column of
    numbers, of which `numbers` says what is wrong with the others.
    """
    some = [cell.strip() for cell in cells if not is_missing(cell)]
    good = sum(
        is_number(cell.replace(thousands, "") if thousands else cell, decimal)
        or cell.lower() in INFINITE
        or _OTHERWISE.fullmatch(cell) is not None
        for cell in some
    )
    return bool(some) and good >= 0.9 * len(some)


def numbers(
    cells: Sequence[str],
    *,
    column: str,
    path: Path | None = None,
    lines: Sequence[int] | None = None,
    decimal: str = ".",
    thousands: str = "",
) -> npt.NDArray[np.float64]:
    """The cells of a column as float64, NaN where one is missing.

    decimal: the sign before decimals; thousands: the sign between groups of three digits, "" for none
    Errors: DataError with file and line for a cell that is not a number, is infinite or over 1e30, or is written with
        other signs
    """
    found = np.empty(len(cells))
    for row, cell in enumerate(cells):
        text = cell.strip()
        if text.lower() in MISSING:
            found[row] = math.nan
            continue
        plain = text.replace(thousands, "") if thousands else text
        if decimal != ".":
            plain = plain.replace(".", "\0").replace(decimal, ".")  # with a point among them it is not a number
        value = float(plain) if _PLAIN.fullmatch(plain) else math.inf
        if abs(value) > LARGEST:
            problem, remedy = _why_unreadable(text, decimal)
            raise DataError(
                f"{quoted(text, 40)} in the column {quoted(column)} {problem}",
                remedy=remedy,
                file=path,
                line=None if lines is None else lines[row],
            )
        found[row] = value
    return found


def _why_unreadable(text: str, decimal: str) -> tuple[str, str]:
    if _PLAIN.fullmatch(text) and math.isfinite(float(text)):
        return f"is over {LARGEST:g}", "leave the cell empty if the value is missing, or give it in a larger unit"
    if text.lower() in INFINITE or _PLAIN.fullmatch(text):
        return "is infinite", "leave the cell empty if the value is missing"
    if decimal == "." and re.fullmatch(r"[+-]?\d+,\d+", text):
        if re.fullmatch(r"[+-]?\d{1,3},\d{3}", text):
            return (
                "has a comma: before decimals, or between thousands?",
                "say which: --decimal , or --thousands ,",
            )
        return "has a comma before its decimals", "say so with --decimal ,"
    if _GROUPED.fullmatch(text):
        sign = re.sub(r"[+\-\d]", "", text)
        return "has signs between its thousands", f"say so with --thousands {sign[0]!r}" + (
            " --decimal ," if len(sign) > 1 and sign[-1] == "," else ""
        )
    return "is not a number", "leave the cell empty if the value is missing, or leave the column out"
