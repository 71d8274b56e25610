"""A sentence a line: JSON objects with two lists, or two files side by side."""

from __future__ import annotations

import re
from itertools import zip_longest
from pathlib import Path
from typing import Any

from recurra.data.files import json_text
from recurra.data.files.json_records import json_list
from recurra.data.files.tables import parquet_rows
from recurra.data.files.text import iter_lines
from recurra.data.tagged.sentences import Reading, Sentence, Tagged
from recurra.errors import DataError, listed, quoted

TOKEN_KEYS = ("tokens", "words", "text", "字", "词", "詞", "词语", "詞語", "文本")
TAG_KEYS = (
    "tags", "labels", "ner_tags", "pos_tags", "upos", "slots", "标签", "標籤", "标注", "標註", "词性", "詞性",
    "实体", "實體",
)  # fmt: skip
_GAP = re.compile("[ \t]+")


def read_jsonl(path: Path, reading: Reading) -> Tagged:
    """One object a line, as in {"tokens": ["a", "b"], "tags": ["X", "Y"]}; whole numbers are taken as tags too.

    Errors: DataError with file and line for anything but such an object, and for lists of unequal length
    """
    found = Tagged()
    for number, line in enumerate(iter_lines(path, reading.encoding), start=1):
        if number in reading.skip:
            found.left_out.append(f"{path.name}:{number}")
            continue
        if not line.strip():
            continue
        row = json_text.parse(line, path, number, remedy="one JSON object per line")
        if not isinstance(row, dict):
            raise DataError(f"expected an object, got {type(row).__name__}", file=path, line=number)
        _add(found, row, path, number, reading)
    return found


def read_rows(path: Path, reading: Reading) -> Tagged:
    """As `read_jsonl`: a .json file with a list of objects, or a Parquet file with two columns of lists."""
    found = Tagged()
    rows = parquet_rows(path) if path.suffix.lower() == ".parquet" else json_list(path, reading.encoding)
    for number, row in rows:
        if number in reading.skip:
            found.left_out.append(f"{path.name}:{number}")
        else:
            _add(found, row, path, number, reading)
    return found


def _add(found: Tagged, row: dict[str, Any], path: Path, number: int, reading: Reading) -> None:
    tokens = _strings(path, number, row, _key(path, number, row, reading.text, TOKEN_KEYS, "text"), "tokens")
    tags = _strings(path, number, row, _key(path, number, row, reading.label, TAG_KEYS, "label"), "tags")
    if len(tokens) != len(tags):
        raise DataError(f"{len(tokens)} tokens, but {len(tags)} tags", file=path, line=number)
    _keep(found, tokens, tags, path, number)


def read_parallel(path: Path, tags: Path, reading: Reading) -> Tagged:
    """Tokens in one file and their tags in another, both parted by spaces, line by line.

    Errors: DataError with file and line for a line with more tokens than tags or fewer, and for files of unequal length
    """
    found = Tagged()
    pairs = zip_longest(iter_lines(path, reading.encoding), iter_lines(tags, reading.encoding))
    for number, (words, names) in enumerate(pairs, start=1):
        if words is None or names is None:
            short, other = (path, tags) if words is None else (tags, path)
            raise DataError(
                f"the file ends after {number - 1} lines, {other.name} goes on",
                remedy="each line of one belongs to a line of the other",
                file=short,
                line=number - 1,
            )
        if number in reading.skip:
            found.left_out.append(f"{path.name}:{number}")
            continue
        left, right = ([cell for cell in _GAP.split(line) if cell.strip()] for line in (words, names))
        if len(left) != len(right):
            raise DataError(
                f"{len(left)} tokens, but {len(right)} tags on line {number} of {tags.name}",
                remedy=f"mend the line, or leave it out with --skip-lines {path.name}:{number}, not with --strict",
                file=path,
                line=number,
            )
        _keep(found, left, right, path, number)
    return found


def _keep(found: Tagged, tokens: list[str], tags: list[str], path: Path, line: int) -> None:
    if tokens:
        found.items.append(Sentence(tuple(tokens), tuple(tags), path, (line,) * len(tokens)))
    else:
        found.skipped += 1


def _key(path: Path, line: int, row: dict[str, Any], asked: str | None, usual: tuple[str, ...], option: str) -> str:
    name = asked if asked is not None else next((key for key in usual if key in row), usual[0])
    if name not in row:
        raise DataError(
            f"there is no {quoted(name)}, the keys are {listed(row)}",
            remedy=f"name it with --{option} KEY",
            file=path,
            line=line,
        )
    return name


def _strings(path: Path, line: int, row: dict[str, Any], key: str, what: str) -> list[str]:
    """Errors: DataError for what is not a list of texts, and for an empty one among them"""
    values = row[key]
    numbers = what == "tags"
    if not isinstance(values, list) or not all(
        isinstance(v, str) or (numbers and isinstance(v, int) and not isinstance(v, bool)) for v in values
    ):
        raise DataError(f"{key!r} is not a list of texts", file=path, line=line)
    for place, value in enumerate(values, start=1):
        if value == "":
            raise DataError(f"number {place} of {key!r} is empty", file=path, line=line)
    return [str(value) for value in values]
