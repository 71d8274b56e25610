"""Caption files: what they say of which picture."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from recurra.data.files.delimited import csv_rows, rectangular, tsv_rows
from recurra.data.files.json_records import json_lines
from recurra.data.files.json_text import parse
from recurra.data.files.sources import inner_name, read_blocks
from recurra.data.files.tables import read_table
from recurra.data.files.text import iter_lines, read_text
from recurra.data.pictures.pillow import ENDINGS
from recurra.errors import DataError, listed, nearest, quoted

IMAGE_COLUMNS = (
    "image", "image_name", "image_id", "file_name", "filename", "file", "picture", "photo", "img", "image_path", "path",
)  # fmt: skip
TEXT_COLUMNS = ("caption", "captions", "text", "sentence", "sentences", "comment", "description")
"""What the columns are usually called, in lower case, the likeliest first."""
NUMBERED = re.compile(r"^(.*)#(?:r|enc)?\d+$")
"""Flickr's name of a picture's nth caption."""
Item = tuple[int | None, str, str, str]
"""Line, picture, caption and part, empty if nothing says which."""


@dataclass(frozen=True)
class Caption:
    """A sentence about a picture. part: as the file names it, empty if it does not"""

    picture: str
    text: str
    file: Path
    line: int | None = None
    part: str = ""


@dataclass(frozen=True)
class Columns:
    """Which columns of a table are what; None: found by their names."""

    image: str | None = None
    text: str | None = None
    part: str | None = None


def read_captions(path: Path, columns: Columns = Columns(), *, encoding: str = "utf-8") -> list[Caption]:
    """What a file says of pictures, in its order.

    It is COCO's JSON (`images` and `annotations`), Karpathy's (`images` with `sentences`), a table (.csv, .tsv, .jsonl,
    .parquet, of JSON a caption or a list of them in a row), or lines `picture<TAB>caption` and `picture#n<TAB>caption`.
    A .txt may be such lines or CSV, as its first line is.
    Errors: DataError with file and line
    """
    found = [Caption(picture, text, path, line, part) for line, picture, text, part in _items(path, columns, encoding)]
    if not found:
        raise DataError(
            "there are no captions in this file", remedy="give lines of a picture and its caption", file=path
        )
    return found


def looks_like_captions(path: Path) -> bool:
    """Whether its first row names a picture and says something of it; False for what cannot be read."""
    try:
        kind = _kind(path)
        if kind == ".json":
            return _is_coco(path)
        if kind not in (".csv", ".tsv", ".txt", ".token", ".jsonl", ".ndjson"):
            return False
        if kind in (".jsonl", ".ndjson"):
            items = _records(list(islice(json_lines(path, "utf-8"), 1)), path, Columns())
        else:
            items = _items(path, Columns(), "utf-8")
        _, picture, text, _ = next(items, (None, "", "", ""))
    except (DataError, OSError):
        return False
    return Path(picture).suffix.lower() in ENDINGS and bool(text.strip())


def _kind(path: Path) -> str:
    return Path(inner_name(path)).suffix.lower()


def _is_coco(path: Path) -> bool:
    whole = b""
    for block in read_blocks(path):
        whole = whole[-20:] + block
        if b'"image_id"' in whole or b'"sentences"' in whole:
            return True
    return False


def _items(path: Path, columns: Columns, encoding: str) -> Iterator[Item]:
    kind = _kind(path)
    if kind in (".txt", ".token", ".tsv", ""):
        first = next((line for line in iter_lines(path, encoding) if line.strip()), "")
        cells = first.removesuffix("\r").split("\t")
        headed = any(cell.strip().lower() in IMAGE_COLUMNS for cell in cells) or columns.image in cells
        if len(cells) > 1 and not headed:
            return _lines(path, encoding)
        rows = tsv_rows(path, encoding) if len(cells) > 1 or kind == ".tsv" else csv_rows(path, encoding)
        return _rows(*rectangular(rows, path), path, columns)
    if kind == ".json":
        return _documents(path, columns, encoding)
    if kind in (".jsonl", ".ndjson"):
        return _records(list(json_lines(path, encoding)), path, columns)
    if kind == ".csv":
        return _rows(*rectangular(csv_rows(path, encoding), path), path, columns)
    table = read_table(path, encoding=encoding)
    cells_of = zip(*table.columns.values(), strict=True)
    return _rows(list(table.columns), ((n, list(r)) for n, r in zip(table.lines, cells_of, strict=True)), path, columns)


def _lines(path: Path, encoding: str) -> Iterator[Item]:
    for line, cells in tsv_rows(path, encoding):
        if len(cells) != 2:
            raise DataError(
                f"this line has {len(cells)} cells between tabs",
                remedy="write picture<TAB>caption",
                file=path,
                line=line,
            )
        yield line, bare(cells[0]), cells[1].strip(), ""


def _rows(header: list[str], rows: Iterator[tuple[int, list[str]]], path: Path, columns: Columns) -> Iterator[Item]:
    image, text = (
        _column(header, columns.image, IMAGE_COLUMNS, "pictures", path),
        _column(header, columns.text, TEXT_COLUMNS, "captions", path),
    )
    part = None if columns.part is None else _column(header, columns.part, (), "parts", path)
    for line, cells in rows:
        yield line, bare(cells[image]), cells[text].strip(), "" if part is None else cells[part].strip()


def _column(header: Sequence[str], asked: str | None, usual: Sequence[str], what: str, path: Path) -> int:
    if asked is not None:
        if asked in header:
            return header.index(asked)
        near = nearest(asked, header)
        raise DataError(
            f"there is no column {quoted(asked)}; there are {listed(header)}",
            remedy=f"did you mean {quoted(near)}?" if near else "",
            file=path,
        )
    lower = [name.strip().lower() for name in header]
    for name in usual:
        if name in lower:
            return lower.index(name)
    option = {"pictures": "--image", "captions": "--text"}.get(what, "--split-column")
    raise DataError(
        f"no column is called as those of {what} usually are; there are {listed(header)}",
        remedy=f"name it with {option} COLUMN",
        file=path,
    )


def _records(records: Sequence[tuple[int | None, dict[str, Any]]], path: Path, columns: Columns) -> Iterator[Item]:
    for line, record in records:
        header = list(record)
        image = header[_column(header, columns.image, IMAGE_COLUMNS, "pictures", path)]
        text = header[_column(header, columns.text, TEXT_COLUMNS, "captions", path)]
        part = "" if columns.part is None else str(record.get(columns.part, ""))
        for each in _texts(record[text], path, line):
            yield line, bare(_text(record[image], path, line)), each, part


def _documents(path: Path, columns: Columns, encoding: str) -> Iterator[Item]:
    whole = parse(read_text(path, encoding), path)
    if isinstance(whole, list) and all(isinstance(row, dict) for row in whole):
        yield from _records([(None, row) for row in whole], path, columns)
        return
    if not isinstance(whole, dict) or not isinstance(whole.get("images"), list):
        raise DataError("this JSON has no list of images", remedy="COCO's has `images` and `annotations`", file=path)
    images = [row for row in whole["images"] if isinstance(row, dict)]
    if "annotations" not in whole:
        for row in images:
            name, part = row.get("filename", row.get("file_name")), str(row.get("split", ""))
            for each in row.get("sentences", ()):
                raw = each.get("raw") if isinstance(each, dict) else each
                yield None, _text(name, path, None), _text(raw, path, None).strip(), part
        return
    names = {row.get("id"): row.get("file_name") for row in images if isinstance(row.get("id"), int | str)}
    for number, row in enumerate(whole["annotations"], start=1):
        key = row.get("image_id") if isinstance(row, dict) else None
        if not isinstance(key, int | str) or key not in names:
            raise DataError(f"annotation {number} is of the image {key!r:.40}, which is not among `images`", file=path)
        yield None, _text(names[key], path, None), _text(row.get("caption"), path, None).strip(), ""


def _texts(value: Any, path: Path, line: int | None) -> list[str]:
    return [_text(each, path, line).strip() for each in (value if isinstance(value, list) else [value])]


def _text(value: Any, path: Path, line: int | None) -> str:
    if value is None:
        return ""
    if isinstance(value, dict) and isinstance(value.get("raw"), str):
        return str(value["raw"])
    if isinstance(value, (list, dict)):
        raise DataError(f"{value!r:.40} stands where a name or a caption should be", file=path, line=line)
    return str(value)


def bare(name: str) -> str:
    """The name of a picture without Flickr's number of its caption."""
    found = NUMBERED.match(name.strip())
    return found.group(1) if found else name.strip()
