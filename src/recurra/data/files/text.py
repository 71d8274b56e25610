"""Text files: decoded strictly, streamed, split into lines on the line feed alone."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from encodings.aliases import aliases
from pathlib import Path

from recurra.data.files.signatures import refuse_foreign
from recurra.data.files.sources import read_blocks
from recurra.errors import DataError, UsageError, nearest, quoted

# A line of an example or a table row that is longer than this (in characters) is a mistake about the format.
MAX_LINE = 1_000_000

CERTAIN = 8
"""Characters beyond ASCII from which a text that can be read as UTF-8 is UTF-8."""
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_LOOSE = ("utf-7", "unicode-escape", "raw-unicode-escape")
"""Codecs that let halves of surrogate pairs through, which nothing can write again."""
_HALF = re.compile("[\ud800-\udfff]")


def check_encoding(encoding: str) -> str:
    """The codec's own name. Errors: UsageError, with the nearest name, if there is no such text codec."""
    try:
        name = codecs.lookup(encoding).name
        b"a".decode(encoding, "replace")  # refuses codecs between bytes and bytes, such as "hex"
        codecs.getincrementaldecoder(name)
    except (LookupError, ValueError, UnicodeError) as error:
        known = sorted({*aliases, *(alias.replace("_", "-") for alias in aliases.values())})
        near = nearest(encoding.lower(), known)
        hint = f"did you mean {near!r}?" if near is not None else "for example utf-8, cp1252, gb18030, utf-16"
        raise UsageError(f"unknown text encoding {quoted(encoding)}; {hint}") from error
    return name


def check_text_file(path: Path, encoding: str = "utf-8", *, max_line: int | None = None) -> None:
    """Read the whole file once, keeping nothing.

    Errors: DataError for a file that cannot be read, an undecodable byte, a NUL byte, an empty file or, with
    `max_line`, a longer line (in characters); each names the file and, but for the empty one, the line.
    UsageError for an unknown encoding.
    """
    pieces = iter_text(path, encoding) if max_line is None else iter_lines(path, encoding, max_line=max_line)
    for _ in pieces:
        pass


def read_text(path: Path, encoding: str = "utf-8") -> str:
    """The whole text: byte order mark dropped, CRLF as LF. Errors: as `check_text_file`."""
    return "".join(iter_text(path, encoding))


def iter_text(path: Path, encoding: str = "utf-8", chunk_chars: int = 1 << 20) -> Iterator[str]:
    """The text in pieces of at most about `chunk_chars` characters, however long its lines are.

    The byte order mark is dropped and CRLF becomes LF, also where a piece ends between the two.
    Errors: as `check_text_file`.
    """
    path = Path(path)
    held, first, empty = "", True, True
    for decoded in _decoded(path, encoding, chunk_chars):
        text = decoded.removeprefix("\ufeff") if first else decoded
        first = first and not decoded
        empty = empty and not text
        text = held + text
        held = "\r" if text.endswith("\r") else ""
        text = text.removesuffix("\r").replace("\r\n", "\n")
        if text:
            yield text
    if held:
        yield held
    if empty:
        raise DataError("the file is empty", remedy="give a file with text in it", file=path)


def iter_lines(path: Path, encoding: str = "utf-8", *, max_line: int = MAX_LINE) -> Iterator[str]:
    """The lines without their line feeds; other line separators of Unicode are characters like any other.

    Errors: as `check_text_file`.
    """
    parts: list[str] = []  # of the line that is still open
    size, number = 0, 1
    for text in iter_text(path, encoding):
        *done, rest = text.split("\n")
        for line in done:
            size += len(line)
            if size > max_line:
                raise _too_long(path, number, max_line)
            yield "".join([*parts, line]) if parts else line
            parts, size = [], 0
            number += 1
        size += len(rest)
        if size > max_line:
            raise _too_long(path, number, max_line)
        if rest:
            parts.append(rest)
    if size:
        yield "".join(parts)


def _too_long(path: Path, line: int, most: int) -> DataError:
    return DataError(
        f"this line has more than {most:,} characters",
        remedy="is this one example per line? A text to model as a whole is a language task: --task language",
        file=path,
        line=line,
    )


def _decoded(path: Path, encoding: str, block_bytes: int) -> Iterator[str]:
    """The file decoded, block by block. Errors: as `check_text_file`."""
    name = check_encoding(encoding)
    decoder = codecs.getincrementaldecoder(name)()
    line, line_start, read = 1, 0, 0
    blocks = read_blocks(path, block_bytes)
    while True:
        block = next(blocks, b"")
        if not read:
            refuse_foreign(path, block)
            if not name.startswith(("utf-16", "utf-32")):
                _refuse_other_unicode(path, block, encoding)
            if name not in ("utf-8", "utf-8-sig", "ascii"):
                _refuse_utf_8(path, block, encoding)
        read += len(block)
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            raise _undecodable(path, name, error, line=line, line_start=line_start, read=read) from error
        except UnicodeError as error:
            raise DataError(
                f"is not {encoding}: {' '.join(str(error).split())}",
                remedy="pass --encoding with the right one",
                file=path,
                line=line,
            ) from error
        if name in _LOOSE and (half := _HALF.search(text)):
            raise DataError(
                f"half of a surrogate pair, U+{ord(half[0]):04X}, which is not a character",
                file=path,
                line=line + text.count("\n", 0, half.start()),
            )
        if "\0" in text:
            raise DataError(
                "a NUL byte; this looks like a binary file or UTF-16",
                remedy="if it is text, pass --encoding utf-16 (or utf-16-le, utf-16-be)",
                file=path,
                line=line + text.count("\n", 0, text.index("\0")),
            )
        line += text.count("\n")
        if b"\n" in block:
            line_start = read - len(block) + block.rindex(b"\n") + 1
        yield text
        if not block:
            break


def _refuse_other_unicode(path: Path, start: bytes, encoding: str) -> None:
    for mark, name in _BYTE_ORDER_MARKS:
        if start.startswith(mark):
            raise DataError(
                f"starts with the byte order mark {mark.hex(' ').upper()} of {name.upper()}, not {encoding}",
                remedy=f"pass --encoding {name}",
                file=path,
                line=1,
            )


def _refuse_utf_8(path: Path, start: bytes, encoding: str) -> None:
    """Errors: DataError for what is UTF-8 beyond doubt and would be read as other characters."""
    if start.isascii():
        return
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(start)
        other = codecs.getincrementaldecoder(encoding)().decode(start)
    except UnicodeError:
        return
    strange = [character for character in text if character > "\x7f"]
    if len(strange) < CERTAIN or strange[0] in other[: text.index(strange[0]) + 1]:
        return
    near = max(text.index(strange[0]) - 8, text.rfind("\n", 0, text.index(strange[0])) + 1)
    raise DataError(
        f"this is UTF-8, not {encoding}, in which {text[near : near + 20]!r} would be {other[near : near + 20]!r}",
        remedy="pass --encoding utf-8",
        file=path,
        line=1 + text.count("\n", 0, near),
    )


def _undecodable(
    path: Path, encoding: str, error: UnicodeDecodeError, *, line: int, line_start: int, read: int
) -> DataError:
    """line, line_start: where the last good block ended and the bytes before its open line; read: bytes so
    far.

    The decoder's error speaks of `error.object`: what was left over from the last block, and this one.
    """
    before = error.object[: error.start]
    position = read - len(error.object) + error.start
    if encoding.startswith(("utf-16", "utf-32")):
        where = f"byte {position + 1} of the file"
        line += before.decode(encoding, "replace").count("\n")
    else:
        if b"\n" in before:
            line_start = position - (len(before) - before.rindex(b"\n") - 1)
        where = f"byte {position - line_start + 1} of the line"
        line += before.count(b"\n")
    value = error.object[error.start]
    return DataError(
        f"0x{value:02X}, {where}, is not {encoding} ({error.reason})",
        remedy="pass --encoding with the file's own, for example cp1252, latin-1 or gb18030",
        file=path,
        line=line,
    )
