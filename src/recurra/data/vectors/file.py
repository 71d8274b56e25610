"""A file of word vectors: which format it has, how wide it is, and its rows one after another.

Formats, each also packed as .gz or .zip: GloVe text (a token and its numbers a line), word2vec text (the same below a
line with the count and the width), word2vec binary (that line, then token, space and float32 numbers). What a file is
shows in itself.
"""

from __future__ import annotations

import codecs
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from recurra.data.files.sources import read_blocks
from recurra.data.files.text import check_encoding
from recurra.errors import DataError, UsageError

SAMPLE = 100
"""Without a header the width is the most common one of this many first lines."""
LONGEST = 1 << 22
"""Bytes of a line or a token; what is longer is no vector file."""
FASTTEXT = b"\xba\x16\x4f\x2f"
"""What fastText's own models begin with."""
FLOAT_BYTES = 4

Vector = npt.NDArray[np.float32]


class VectorFile:
    """The format of a file and its rows. Nothing of it is kept.

    path; encoding: of the tokens; width: size of a vector; count: as the header says, None without one;
    binary: whether numbers are float32 bytes.
    Errors: DataError for a file that holds no word vectors; UsageError for an encoding that is unknown or not made
            of bytes that ASCII has too
    """

    def __init__(self, path: Path, encoding: str = "utf-8") -> None:
        self.path, self.encoding = Path(path), _checked(encoding)
        blocks = read_blocks(self.path)
        start = _begin(next(blocks, b""))
        _refuse_other_kinds(self.path, start)
        first, _, rest = start.partition(b"\n")
        header = _header(first)
        self.count = None if header is None else header[0]
        self.binary = header is not None and _is_binary(rest)
        self.width = self._common_width(start) if header is None else header[1]
        if header is not None:
            self._check_width(len(rest), whole=not next(blocks, b""))

    def rows(self) -> Iterator[tuple[int, bytes, bytes]]:
        """Every row: its line (in a binary file: its number), its token, its numbers as they are written.

        In text a token may hold spaces; in a binary file it ends at the first one.
        Errors: DataError for a line of another width, for a file that holds more or fewer rows than its header says,
                and as `read_blocks`
        """
        return self._binary_rows() if self.binary else self._text_rows()

    def vector(self, place: int, written: bytes) -> Vector:
        """The numbers of a row, float32 [E]. Errors: DataError for anything but finite numbers"""
        if self.binary:
            found = np.frombuffer(written, dtype="<f4").astype(np.float32)
        else:
            fields = written.split()
            try:
                with np.errstate(over="ignore"):
                    found = np.array([float(field) for field in fields], dtype=np.float32)
            except ValueError:
                wrong = next(field for field in fields if not _is_number(field))
                raise self.error(f"{_quoted(wrong)} is not a number", place) from None
        if len(found) != self.width:  # white space that is no space parts numbers too
            raise self._wrong_width(place, len(found))
        if not np.isfinite(found).all():
            raise self.error("a number of this vector is not finite", place)
        return found

    def token(self, written: bytes) -> str | None:
        """The token as text, None if its bytes are not in the encoding."""
        try:
            return written.decode(self.encoding)
        except UnicodeDecodeError:
            return None

    def error(self, problem: str, place: int, remedy: str = "") -> DataError:
        """An error that names the line, or the vector's number in a binary file."""
        if self.binary:
            return DataError(f"vector {place:,}: {problem}", remedy=remedy, file=self.path)
        return DataError(problem, remedy=remedy, file=self.path, line=place)

    def _check_width(self, size: int, *, whole: bool) -> None:
        """Whether a vector of the header's width can be there. size: bytes below it; whole: whether these are all

        Errors: DataError, for whoever makes room for the vectors believes it
        """
        least = (FLOAT_BYTES if self.binary else 2) * self.width
        if least > LONGEST or (whole and least > size):
            raise DataError(
                f"the header says vectors of {self.width:,} numbers, which take {least:,} bytes or more each; "
                + (f"{size:,} follow" if whole else f"{LONGEST:,} are the most"),
                remedy="fetch the file again if it was cut off, or correct its first line",
                file=self.path,
                line=1,
            )

    def _common_width(self, start: bytes) -> int:
        whole = start[: start.rfind(b"\n") + 1] or start  # without the line that the block cuts
        lines = [line for line in whole.split(b"\n")[:SAMPLE] if line.strip()]
        if not lines:
            raise DataError("the file is empty", remedy="give a file of word vectors", file=self.path)
        fields = lines[0].split()
        if len(fields) < 2 or not _is_number(fields[-1]):
            raise DataError(
                f"{_quoted(fields[-1])} is not a number",
                file=self.path,
                line=1,
                remedy="a file of word vectors has a token and its numbers on every line",
            )
        widths = Counter(len(line.split()) - 1 for line in lines)
        most = max(widths.values())
        return max(1, min(width for width, times in widths.items() if times == most))

    def _text_rows(self) -> Iterator[tuple[int, bytes, bytes]]:
        width, seen = self.width, 0
        for place, whole in enumerate(self._lines(), start=1):
            line = whole.rstrip()
            if not line or (place == 1 and self.count is not None):
                continue
            seen += 1
            if line.count(b" ") == width and b"\t" not in line and b"  " not in line:
                token, _, written = line.partition(b" ")
            else:
                token, written = self._split(place, line)
            yield place, token, written
        if self.count is not None and seen != self.count:
            raise self._miscounted(seen)

    def _split(self, place: int, line: bytes) -> tuple[bytes, bytes]:
        """A line whose token may hold spaces: its numbers are the last ones. Errors: DataError"""
        fields = line.rsplit(None, self.width)
        if len(fields) <= self.width:
            raise self._wrong_width(place, len(fields) - 1)
        token, numbers = fields[0].strip(), fields[1:]
        *words, last = token.split()
        if words and _is_number(last) and (b"." in last or b"." not in numbers[0]):  # "route 66" is a token
            raise self._wrong_width(place, self.width + 1)
        return token, b" ".join(numbers)

    def _wrong_width(self, place: int, got: int) -> DataError:
        more = " or more" if got > self.width else ""
        why = "its header says" if self.count is not None else "the first lines have"
        return self.error(
            f"this vector has {got}{more} numbers, {why} {self.width}", place, remedy="mend or remove the line"
        )

    def _miscounted(self, seen: int) -> DataError:
        return DataError(
            f"the header says {self.count:,} vectors, the file holds {seen:,}",
            file=self.path,
            line=1,
            remedy="fetch the file again if it was cut off, or correct its first line",
        )

    def _lines(self) -> Iterator[bytes]:
        rest, number, first = b"", 1, True
        for block in read_blocks(self.path):
            block = _begin(block) if first else block
            first = False
            *lines, rest = (rest + block).split(b"\n")
            yield from lines
            number += len(lines)
            if len(rest) > LONGEST:
                raise DataError(f"this line has more than {LONGEST:,} bytes", file=self.path, line=number)
        if rest:
            yield rest

    def _binary_rows(self) -> Iterator[tuple[int, bytes, bytes]]:
        assert self.count is not None
        size, place = FLOAT_BYTES * self.width, 0
        data, at = b"", 0
        blocks = read_blocks(self.path)
        for block in blocks:
            data, at = data[at:] + block, 0
            if place == 0:
                if (end := data.find(b"\n")) < 0:
                    continue
                at, place = end + 1, 1
            while place <= self.count:
                space = data.find(b" ", at)
                if space < 0 or space + 1 + size > len(data):
                    break
                yield place, data[at:space].lstrip(b"\n"), data[space + 1 : space + 1 + size]
                at, place = space + 1 + size, place + 1
            if len(data) - at > LONGEST + size:
                break
        if place <= self.count:
            raise self.error(
                f"the file ends here, or the width is not {self.width}; the header says {self.count:,} vectors",
                place,
                remedy="fetch the file again",
            )
        if data[at:].strip() or next(blocks, b""):
            raise self._more()

    def _more(self) -> DataError:
        return DataError(
            f"more follows after the {self.count:,} vectors of {self.width} numbers that the header says",
            remedy="fetch the file again",
            file=self.path,
        )


def _checked(encoding: str) -> str:
    name = check_encoding(encoding)
    if "a 0\n".encode(name) not in (b"a 0\n", codecs.BOM_UTF8 + b"a 0\n"):
        raise UsageError(f"vector files are cut at the byte of a space, which {encoding} writes otherwise; convert it")
    return "utf-8" if name == "utf-8-sig" else name


def _begin(block: bytes) -> bytes:
    return block.removeprefix(codecs.BOM_UTF8)


def _refuse_other_kinds(path: Path, start: bytes) -> None:
    if start.startswith(FASTTEXT):
        raise DataError("this is a fastText model", remedy="take the .vec file that belongs to it", file=path)
    for mark in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        if start.startswith(mark):
            raise DataError("this is UTF-16", remedy="convert it to UTF-8, as with iconv", file=path, line=1)
    if b"\0" in start and _header(start.partition(b"\n")[0]) is None:
        raise DataError(
            "a binary file without the first line of a word2vec file",
            file=path,
            remedy="give GloVe text, word2vec text or word2vec binary",
        )


def _header(line: bytes) -> tuple[int, int] | None:
    """Count and width, if that is all a line says."""
    fields = line[:100].split()
    if len(fields) != 2 or not all(field.isdigit() for field in fields):
        return None
    count, width = int(fields[0]), int(fields[1])
    return (count, width) if count and width else None


def _is_binary(rest: bytes) -> bool:
    """Whether bytes below a header are packed numbers: text has no control characters and ends a line in a number."""
    line = rest.partition(b"\n")[0]
    if any(byte < 32 and byte not in b"\t\n\r" for byte in rest[: 1 << 12]):
        return True
    fields = line.split()
    return len(fields) > 1 and not any(_is_number(field) for field in fields[1:])


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _quoted(field: bytes) -> str:
    return repr(field[:40].decode("utf-8", "backslashreplace"))
