"""Standard input, a text a line, as it arrives."""

from __future__ import annotations

import codecs
import os
import select
import sys
from collections.abc import Iterator
from typing import Any

from recurra.errors import DataError, UsageError

BLOCK = 1 << 16
"""Bytes that are answered at once, if so many have arrived."""
LONGEST = 4_000_000
"""Bytes of a line. What never ends is refused before it fills the memory."""
EMPTY = "standard input is empty; give one text a line"


def arriving_lines(encoding: str, *, asked: bool) -> Iterator[list[str]]:
    """Lines in the batches in which they arrive, without their ends.

    asked: whether somebody asked for it to be read
    Errors: UsageError on a terminal that nobody asked to read, or for no line; DataError for bytes that are no text
    """
    if not asked and sys.stdin.isatty():
        raise UsageError("give texts to predict, as arguments or on standard input, one per line")
    count = 0
    for lines in _as_utf_8() if encoding == "utf-8" else _decoded(encoding):
        count += len(lines)
        yield lines
    if not count:
        raise UsageError(EMPTY)


def _blocks() -> Iterator[bytes]:
    """Past Python's own buffer where there is a descriptor: a thread that waits there keeps a lock, on which Python
    fails if it ends meanwhile."""
    source: Any = sys.stdin.buffer
    try:
        number = source.fileno()
    except (AttributeError, OSError):
        while block := source.read1(BLOCK):
            yield block
        return
    while True:
        try:
            if not (block := os.read(number, BLOCK)):
                return
        except BlockingIOError:
            select.select([number], [], [])
        else:
            yield block


def _as_utf_8() -> Iterator[list[str]]:
    rest, number = b"", 0
    for block in _blocks():
        whole, end, rest = (rest + block).rpartition(b"\n")
        if end:
            lines = _lines(whole, number)
            number += len(lines)
            yield lines
        _check_length(len(rest), number)
    if rest:
        yield _lines(rest, number)


def _lines(whole: bytes, before: int) -> list[str]:
    """before: lines that came before these"""
    try:
        found = whole.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        begin = whole.rfind(b"\n", 0, error.start) + 1
        raise DataError(
            f"byte {error.start - begin + 1} of the line is not utf-8",
            remedy="name its encoding with --encoding",
            file="standard input",
            line=before + whole.count(b"\n", 0, begin) + 1,
        ) from None
    if len(whole) > LONGEST:
        for number, line in enumerate(found):
            _check_length(len(line), before + number)
    if not before:
        found[0] = found[0].removeprefix("\ufeff")
    return [line.rstrip("\r") for line in found]


def _decoded(encoding: str) -> Iterator[list[str]]:
    decoder, rest, number = codecs.getincrementaldecoder(encoding)(), "", 0
    try:
        for block in _blocks():
            whole, end, rest = (rest + decoder.decode(block)).rpartition("\n")
            if not number:
                whole = whole.removeprefix("\ufeff")
            _check_length(len(rest), number)
            if end:
                lines = [line.rstrip("\r") for line in whole.split("\n")]
                number += len(lines)
                yield lines
        rest += decoder.decode(b"", final=True)
    except UnicodeError as error:
        raise DataError(
            f"this is not {encoding}: {error}", remedy="name another one with --encoding", file="standard input"
        ) from None
    if rest:
        yield [(rest if number else rest.removeprefix("\ufeff")).rstrip("\r")]


def _check_length(size: int, before: int) -> None:
    """before: lines that came before this one"""
    if size > LONGEST:
        raise DataError(
            f"more than {LONGEST:,} bytes in a line",
            remedy="give one text a line",
            file="standard input",
            line=before + 1,
        )
