"""Records of JSON files: objects one a line, or all in one list, each with the line where it starts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from recurra.data.text import iter_lines, read_text
from recurra.errors import DataError

Record = tuple[int, dict[str, Any]]
_BLANK = re.compile(r"[ \t\r\n]*")


def json_lines(path: Path, encoding: str) -> Iterator[Record]:
    """(line, object) of each line that is not blank. Errors: DataError, with its line, for one that is no object"""
    for number, line in enumerate(iter_lines(path, encoding), start=1):
        if line.strip():
            with _told(path, number):
                found = json.loads(line)
            yield number, _checked(found, line, path, number)


def json_list(path: Path, encoding: str) -> Iterator[Record]:
    """(line, object) of a list of objects, or of objects one after the other. The whole text is held in memory.

    Errors: DataError, with its line, for what is no such list
    """
    text, decoder = read_text(path, encoding), json.JSONDecoder()
    place = _after_blank(text, 0)
    inside = text[place : place + 1] == "["
    line, counted, place = 1, 0, _after_blank(text, place + inside)
    while place < len(text) and not (inside and text[place] == "]"):
        line, counted = line + text.count("\n", counted, place), place
        with _told(path, line):
            found, end = decoder.raw_decode(text, place)
        yield line, _checked(found, text[place:end], path, line)
        place = _after_blank(text, end)
        if inside and text[place : place + 1] == ",":
            place = _after_blank(text, place + 1)
        elif inside and text[place : place + 1] != "]":
            raise DataError("this list of objects breaks off or lacks a comma here", file=path,
                            line=line + text.count("\n", counted, place))  # fmt: skip
    if inside and _after_blank(text, place + 1) < len(text):
        raise DataError("something follows the end of the list", remedy="one list of objects a file", file=path)


def _after_blank(text: str, place: int) -> int:
    found = _BLANK.match(text, place)
    return place if found is None else found.end()


@contextmanager
def _told(path: Path, line: int) -> Iterator[None]:
    """What the standard library raises about JSON, as DataError. line: where the text begins that it was given."""
    try:
        yield
    except json.JSONDecodeError as error:
        raise DataError(
            f"this line is no JSON: {error.msg} at character {error.colno}",
            remedy="one JSON object per line",
            file=path,
            line=max(line, error.lineno),
        ) from error
    except (RecursionError, ValueError) as error:
        raise DataError(f"this line cannot be read: {error}", file=path, line=line) from error


def _checked(record: Any, text: str, path: Path, line: int) -> dict[str, Any]:
    if "\\u" in text:
        try:
            json.dumps(record, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError as error:
            raise DataError("half of a surrogate pair in an escape", file=path, line=line) from error
    if not isinstance(record, dict):
        raise DataError(
            f"this line is a JSON {type(record).__name__}, not an object",
            remedy='one JSON object per line, for example {"text": "...", "label": "..."}',
            file=path,
            line=line,
        )
    return record
