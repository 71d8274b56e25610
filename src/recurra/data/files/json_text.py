"""JSON as readers take it: what it may not hold is an error with file and line; and values as strict JSON has them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from recurra.errors import DataError, quoted

_HALF = re.compile("[\ud800-\udfff]")


def parse(text: str, path: Path, line: int | None = None, *, remedy: str = "") -> Any:
    """The value that a text is in JSON.

    line: where the text stands in its file, from 1; None for a whole file; remedy: for a text that is no JSON.
    Errors: DataError for a text that is no JSON, a key that appears twice in an object, half of a surrogate pair, whole
    numbers of more than 4,300 digits, and what is nested deeper than Python can follow
    """
    try:
        value = json.loads(text, object_pairs_hook=_object)
        half = "\\u" in text and _HALF.search(json.dumps(value, ensure_ascii=False))
    except json.JSONDecodeError as error:
        where = f"character {error.colno}" if line is not None else f"column {error.colno}"
        raise DataError(
            f"this is not JSON: {error.msg} at {where}", remedy=remedy, file=path, line=line or error.lineno
        ) from None
    except RecursionError:
        raise DataError("this JSON is nested too deeply to be read", file=path, line=line) from None
    except _TwiceError as error:
        raise DataError(
            f"the key {quoted(error.key)} appears twice in an object", remedy="keep one of them", file=path, line=line
        ) from None
    except ValueError:  # of int()
        raise DataError(
            "an integer here has more than 4,300 digits",
            remedy="write it as a text, in quotes",
            file=path,
            line=line,
        ) from None
    if half:
        raise DataError("half of a surrogate pair in an escape", file=path, line=line)
    return value


def storable(value: Any, otherwise: Callable[[float], Any] = lambda number: None) -> Any:
    """Plain values as strict JSON can hold them: keys are text, tuples are lists.

    otherwise: what a number that JSON lacks (infinity, NaN) becomes
    """
    if isinstance(value, dict):
        return {str(key): storable(inner, otherwise) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [storable(inner, otherwise) for inner in value]
    return otherwise(value) if isinstance(value, float) and not math.isfinite(value) else value


class _TwiceError(Exception):
    """A key appears twice in an object."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        seen: set[str] = set()
        raise _TwiceError(next(key for key, _ in pairs if key in seen or seen.add(key)))  # type: ignore[func-returns-value]
    return made
