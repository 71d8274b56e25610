"""Records of JSON files: objects one a line, or all in one list, each with the line where it starts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from recurra.data.files import json_text
from recurra.data.files.text import iter_lines, read_text
from recurra.errors import DataError

Record = tuple[int, dict[str, Any]]
_BLANK = re.compile(r"[ \t\r\n]*")


def json_lines(path: Path, encoding: str) -> Iterator[Record]:
    """(line, object) of each line that is not blank. Errors: DataError, with its line, for one that is no object"""
    for number, line in enumerate(iter_lines(path, encoding), start=1):
        if line.strip():
            yield number, _object(json_text.parse(line, path, number, remedy="one JSON object per line"), path, number)


def json_list(path: Path, encoding: str) -> Iterator[Record]:
    """(line, object) of a list of objects, or of objects one after the other. The whole text is held in memory.

    Errors: DataError, with its line, for anything but such a list
    """
    text, decoder = read_text(path, encoding), json.JSONDecoder()
    place = _after_blank(text, 0)
    inside = text[place : place + 1] == "["
    line, counted, place = 1, 0, _after_blank(text, place + inside)
    while place < len(text) and not (inside and text[place] == "]"):
        line, counted = line + text.count("\n", counted, place), place
        try:
            _, end = decoder.raw_decode(text, place)
        except (json.JSONDecodeError, RecursionError, ValueError) as error:
            raise _broken(error, path, line) from None
        yield line, _object(json_text.parse(text[place:end], path, line), path, line)
        place = _after_blank(text, end)
        if inside and text[place : place + 1] == ",":
            place = _after_blank(text, place + 1)
        elif inside and text[place : place + 1] != "]":
            raise DataError(
                "this list of objects ends early or lacks a comma here",
                file=path,
                line=line + text.count("\n", counted, place),
            )
    if inside and _after_blank(text, place + 1) < len(text):
        raise DataError("something follows the end of the list", remedy="write one list of objects per file", file=path)


def _after_blank(text: str, place: int) -> int:
    found = _BLANK.match(text, place)
    return place if found is None else found.end()


def _broken(error: Exception, path: Path, line: int) -> DataError:
    if isinstance(error, json.JSONDecodeError):
        problem, line = f"this is not JSON: {error.msg} at character {error.colno}", error.lineno
    else:
        problem = "this JSON is nested too deeply, or has a number of too many digits"
    return DataError(problem, remedy="give a list of JSON objects, or one object a line", file=path, line=line)


def _object(record: Any, path: Path, line: int) -> dict[str, Any]:
    if not isinstance(record, dict):
        raise DataError(
            f"this line is a JSON {type(record).__name__}, not an object",
            remedy='one JSON object per line, for example {"text": "...", "label": "..."}',
            file=path,
            line=line,
        )
    return record
