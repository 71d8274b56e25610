"""What a Parquet file unpacks to, added up from its page headers before anything is unpacked.

A page of a few hundred bytes can say that it holds 2 GB, a column of one value a billion rows; who reads it takes that
memory first. Headers are structs of Thrift's compact protocol.
Source: Apache Parquet format 2.10, parquet.thrift and README; Apache Thrift, compact protocol
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recurra.data.files.sources import FREE, MOST_TIMES
from recurra.errors import DataError

LOOKED_AT = 64 << 20
"""Bytes of a file; a larger one may hold so much that nothing more is asked of it."""
CELL = 8
"""Bytes that a cell counts at least, however often its value is the same."""
_DEEPEST = 16
_TRUE, _FALSE = 1, 2

Fields = dict[int, Any]


def check(path: Path) -> None:
    """Errors: DataError for a file that unpacks to more than a pack of its size may, or whose headers are broken"""
    size = path.stat().st_size
    if size > LOOKED_AT:
        return
    content = path.read_bytes()
    try:
        unpacked, cells = _sizes(content)
    except (IndexError, KeyError, TypeError, ValueError, struct.error, OverflowError) as error:
        raise DataError(
            "this Parquet file cannot be read: its headers are broken", remedy="write it again", file=path
        ) from error
    limit = max(FREE, MOST_TIMES * size)
    if unpacked + CELL * cells > limit:
        raise DataError(
            f"{size:,} bytes unpack to {unpacked:,} and {cells:,} cells, {limit:,} bytes are allowed",
            remedy="if that is right, write it without compression and dictionaries, or as .csv",
            file=path,
        )


def _sizes(content: bytes) -> tuple[int, int]:
    """Bytes of all pages, unpacked, and cells of all columns."""
    length = int.from_bytes(content[-8:-4], "little")
    if length > len(content) - 12:
        raise ValueError("the footer is longer than the file")
    footer = _Reader(content, len(content) - 8 - length).fields()
    rows = footer[3]
    unpacked = cells = 0
    seen: set[int] = set()
    for group in footer.get(4, ()):
        rows = max(rows, group[3])
        for column in group[1]:
            about = column[3]
            cells += max(about[5], group[3])
            start = min(place for place in (about.get(11) or about[9], about[9]) if place > 0)
            end = start + about[7]
            while start < end and start not in seen:
                seen.add(start)
                reader = _Reader(content, start)
                page = reader.fields()
                if page[2] < 0 or page[3] < 0:
                    raise ValueError("a page of negative size")
                unpacked += page[2]
                start = reader.at + page[3]
    return unpacked, max(cells, rows)


@dataclass
class _Reader:
    """Values of Thrift's compact protocol from a place on."""

    content: bytes
    at: int

    def byte(self) -> int:
        found = self.content[self.at]
        self.at += 1
        return found

    def whole(self) -> int:
        """A number without sign, of ten bytes at most."""
        found = 0
        for shift in range(0, 70, 7):
            byte = self.byte()
            found |= (byte & 0x7F) << shift
            if byte < 0x80:
                return found
        raise ValueError("a number of more than ten bytes")

    def number(self) -> int:
        found = self.whole()
        return (found >> 1) ^ -(found & 1)

    def fields(self, depth: int = 0) -> Fields:
        """A struct by the numbers of its fields."""
        found: Fields = {}
        name = 0
        while head := self.byte():
            name = name + (head >> 4) if head >> 4 else self.number()
            kind = head & 0x0F
            found[name] = kind == _TRUE if kind in (_TRUE, _FALSE) else self.value(kind, depth + 1)
        return found

    def value(self, kind: int, depth: int) -> Any:
        if depth > _DEEPEST:
            raise ValueError("nested too deeply")
        match kind:  # true, false and byte; i16, i32, i64; double; binary; list and set; map; struct
            case 1 | 2 | 3:
                return self.byte()
            case 4 | 5 | 6:
                return self.number()
            case 7:
                self.at += 8
                return 0.0
            case 8:
                length = self.whole()
                self.at += length
                return b""
            case 9 | 10:
                head = self.byte()
                count = self._count(self.whole() if head >> 4 == 15 else head >> 4)
                return [self.value(head & 0x0F, depth + 1) for _ in range(count)]
            case 11:
                count = self._count(self.whole())
                kinds = self.byte() if count else 0
                for _ in range(count):
                    self.value(kinds >> 4, depth + 1)
                    self.value(kinds & 0x0F, depth + 1)
                return None
            case 12:
                return self.fields(depth + 1)
        raise ValueError(f"no kind of value: {kind}")

    def _count(self, count: int) -> int:
        """Each value takes a byte at least."""
        if count > len(self.content) - self.at:
            raise ValueError("a list longer than the file")
        return count
