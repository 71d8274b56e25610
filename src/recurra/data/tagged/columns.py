"""Columns: a token a line with its tag, a blank line between sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from recurra.data.files.text import iter_lines
from recurra.data.tagged.sentences import Gathering, Reading, Tagged
from recurra.data.tagged.spans import parse
from recurra.errors import DataError, UsageError, quoted

DOCUMENT_START = "-DOCSTART-"
"""The token of lines that part the documents of the CoNLL 2002 and 2003 files."""
HEADER = (
    ("word", "words", "token", "tokens", "form", "text", "字", "词", "詞", "词语", "詞語", "文本"),
    ("tag", "tags", "label", "labels", "ner", "ner_tag", "ner_tags", "pos", "pos_tag", "pos_tags", "upos", "xpos",
     "entity", "slot", "标签", "標籤", "标注", "標註", "词性", "詞性", "实体", "實體"),
)  # fmt: skip
"""What a first line may call the tokens and the tags, in lower case."""
_GAP = re.compile("[ \t]+")


def read_columns(path: Path, reading: Reading) -> Tagged:
    """Sentences of a file of columns that stand apart by tabs, or by spaces if the first line of tokens has no tab.

    The token is in the first column and the tag in the last one, if the reading names no others. Lines have as many
    columns as the first one that does not begin with #. What is no token is counted: marks of documents, a first line
    that names the columns, and comments, which is every line between two sentences that begins with # and does not
    look like a token (see `_Layout.comment`).
    Errors: DataError with file and line for a line that lacks its token or its tag, or has another number of columns,
            and for a comment inside a sentence;
            UsageError for a column that is not a number
    """
    layout = _Layout.of(path, reading)
    gathering = Gathering(path)
    for number, line in enumerate(iter_lines(path, reading.encoding), start=1):
        if number in reading.skip:
            gathering.leave_out(number)
            continue
        if not line.strip(" \t\r"):
            gathering.end_sentence()
            continue
        cells = layout.cells(line)
        if cells[0] == DOCUMENT_START:
            gathering.end_sentence()
            gathering.pass_over(number)
            continue
        if line.startswith("#"):
            if layout.comment(cells):
                if len(gathering):
                    raise _misplaced(path, number)
                gathering.pass_over(number)
                continue
            if not layout.like_others(cells):
                gathering.found.doubtful.append(gathering.place(number))
        if number == layout.line and layout.is_header(cells):
            gathering.found.header.append(gathering.place(number))
            continue
        if len(cells) != layout.width or not all(cells):
            raise _misfit(path, number, cells, layout.width)
        gathering.add(cells[layout.text], cells[layout.label], number)
    gathering.end_sentence()
    return gathering.found


@dataclass
class _Layout:
    """What the lines of a file have in common.

    line: the first one of tokens, which decides; tabs: whether columns stand apart by tabs; width: how many there are;
    text, label: which of them are read, from 0
    """

    path: Path
    reading: Reading
    line: int = 0
    tabs: bool = False
    width: int = 2
    text: int = 0
    label: int = -1

    @classmethod
    def of(cls, path: Path, reading: Reading) -> _Layout:
        """Errors: DataError, UsageError, as `read_columns`"""
        text, label = _number("text", reading.text), _number("label", reading.label)
        found = cls(path, reading)
        for number, line in _token_lines(path, reading):
            if not found.line or not line.startswith("#"):
                found.line, found.tabs = number, "\t" in line
                cells = found.cells(line)
            if not line.startswith("#"):
                break
        if found.line:
            found.width = _checked_width(path, found.line, cells, text, label)
        found.text, found.label = text - 1 if text else 0, (label or found.width) - 1
        return found

    def cells(self, line: str) -> list[str]:
        """The columns of a line, from its first character to its last but white space."""
        return [cell.strip(" ") for cell in line.split("\t")] if self.tabs else _GAP.split(line.rstrip(" \t"))

    def comment(self, cells: list[str]) -> bool:
        """Whether a line that begins with # is no token.

        A token has all columns and is like others (see `like_others`), or has two columns and no equals sign (`# SYM`).
        """
        if len(cells) != self.width or not all(cells):
            return True
        return not self.like_others(cells) and (self.width > 2 or "=" in cells[1])

    def like_others(self, cells: list[str]) -> bool:
        """Whether a column but the first is as on another line without #, or the tag is one of spans."""
        return bool(parse(cells[self.label])[1]) or any(
            cell in known for cell, known in zip(cells[1:], self._columns[1:], strict=False)
        )

    def is_header(self, cells: list[str]) -> bool:
        """Whether these are names of columns: usual ones, and no other line has such a tag."""
        token, tag = cells[self.text], cells[self.label]
        return token.lower() in HEADER[0] and tag.lower() in HEADER[1] and tag not in self._columns[self.label]

    @cached_property
    def _columns(self) -> list[set[str]]:
        """What stands in each column, on all lines but the first and those that begin with #."""
        found: list[set[str]] = [set() for _ in range(self.width)]
        for number, line in _token_lines(self.path, self.reading):
            if number != self.line and not line.startswith("#"):
                for cell, known in zip(self.cells(line), found, strict=False):
                    known.add(cell)
        return found


def _token_lines(path: Path, reading: Reading) -> Iterator[tuple[int, str]]:
    """Lines that may hold a token, numbered."""
    for number, line in enumerate(iter_lines(path, reading.encoding), start=1):
        if number not in reading.skip and line.strip(" \t\r") and not line.startswith(DOCUMENT_START):
            yield number, line


def _number(role: str, asked: str | None) -> int | None:
    if asked is None:
        return None
    if not asked.isdecimal() or len(asked) > 6 or int(asked) < 1:
        raise UsageError(f"the columns of such a file have no names; {role} is a number from 1, got {quoted(asked)}")
    return int(asked)


def _checked_width(path: Path, line: int, cells: list[str], text: int | None, label: int | None) -> int:
    """The number of columns. Errors: DataError if there are fewer than are asked for"""
    if len(cells) < 2 or not all(cells):
        raise _misfit(path, line, cells, 2)
    for column in (text, label):
        if column is not None and column > len(cells):
            raise DataError(f"there is no column {column}, this line has {len(cells)}", file=path, line=line)
    return len(cells)


def _misplaced(path: Path, line: int) -> DataError:
    return DataError(
        "this line begins with # like a comment, but stands inside a sentence",
        remedy=f"put a blank line before it, or leave it out with --skip-lines {path.name}:{line}",
        file=path,
        line=line,
    )


def _misfit(path: Path, line: int, cells: list[str], width: int) -> DataError:
    remedy = f"mend the line, or leave it out with --skip-lines {path.name}:{line}, not with --strict"
    there = [cell for cell in cells if cell]
    if not there[1:] and width == 2:
        lost = "token" if not cells[0] else "tag" if len(cells) > 1 else "token or its tag"
        return DataError(
            f"{quoted(there[0])} stands alone on its line, without its {lost}", remedy=remedy, file=path, line=line
        )
    return DataError(f"this line has {len(there)} columns, expected {width}", remedy=remedy, file=path, line=line)
