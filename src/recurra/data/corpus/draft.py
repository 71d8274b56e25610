"""A text's tokens on disk under preliminary ids: written before the vocabulary is known, in one reading."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.data import share
from recurra.data.tokens import segment
from recurra.data.tokens.beside import number_all
from recurra.data.tokens.counting import code_points
from recurra.data.tokens.cut import Cut
from recurra.data.tokens.numbers import Numbers
from recurra.data.tokens.pieces import pieces
from recurra.data.tokens.vocabulary import Level, Vocabulary
from recurra.errors import DataError

Ids = npt.NDArray[np.integer[Any]]
Table = npt.NDArray[np.int64] | None
_BLOCK = 1 << 20  # ids
_BYTE = 256


@dataclass(frozen=True)
class Reading:
    """How a text is read. words: preliminary id by word; grows while reading."""

    level: Level
    normalize: tuple[str, ...]
    split: segment.Split
    encoding: str
    words: Numbers = field(default_factory=Numbers)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of preliminary ids: code points, where they need so many bytes, words' numbers, or bytes + 1."""
        return np.dtype(np.uint16 if self.level == "byte" else np.uint32)

    def pieces(self, path: Path) -> Iterator[str]:
        """The normalised text, piece by piece; the same pieces every time."""
        return pieces(path, encoding=self.encoding, normalize_by=self.normalize, words=self.level == "word")

    def ids(self, piece: str) -> Ids:
        """Preliminary ids [tokens of the piece]; code points in as few bytes as hold all of them."""
        if self.level == "char":
            try:
                return np.frombuffer(piece.encode("latin-1"), dtype=np.uint8)
            except UnicodeEncodeError:
                codes = code_points(piece)
                return codes.astype(np.uint16) if codes.max() < 1 << 16 else codes
        if self.level == "byte":
            return np.frombuffer(piece.encode("utf-8", "surrogatepass"), dtype=np.uint8).astype(np.uint16) + np.uint16(
                1
            )
        return self.words.of(segment.pieces(piece, self.split))

    def drafts(self, path: Path) -> Iterator[tuple[Ids, int]]:
        """The preliminary ids of each piece, and its characters; of words by several processes where they may."""
        if self.level != "word":
            yield from ((self.ids(piece), len(piece)) for piece in self.pieces(path))
            return
        lengths = deque[int]()

        def lists() -> Iterator[list[str]]:
            for piece in self.pieces(path):
                lengths.append(len(piece))
                yield [piece]

        cut = Cut("pieces", (), self.split)
        for found in number_all(self.words, cut, lists(), size=path.stat().st_size):
            yield found.ids, lengths.popleft()


@dataclass
class Draft:
    """source: the text; path: its preliminary ids; sizes: (tokens, characters) of each piece; types: of its ids."""

    source: Path
    path: Path
    reading: Reading
    sizes: list[tuple[int, int]]
    types: list[np.dtype[Any]]
    _before: dict[int, int] = field(default_factory=dict)

    @classmethod
    def write(cls, source: Path, path: Path, reading: Reading) -> Draft:
        """Read the source once. Disk: 4 bytes a token, 2 at byte level, of characters 1 to 4."""
        sizes, types = [], []
        with path.open("wb") as file:
            for ids, characters in reading.drafts(source):
                file.write(ids.data)
                sizes.append((len(ids), characters))
                types.append(ids.dtype)
        return cls(source, path, reading, sizes, types)

    def __len__(self) -> int:
        return sum(tokens for tokens, _ in self.sizes)

    def blocks(self, start: int, stop: int) -> Iterator[Ids]:
        """The preliminary ids from start to stop, a block at a time."""
        before = place = 0
        with self.path.open("rb") as file:
            for (tokens, _), dtype in zip(self.sizes, self.types, strict=True):
                if before >= stop:
                    break
                first, last = max(start - before, 0), min(stop - before, tokens)
                if first < last:
                    file.seek(place + first * dtype.itemsize)
                for at in range(first, last, _BLOCK):
                    yield np.fromfile(file, dtype, min(_BLOCK, last - at))
                    share.add(min(_BLOCK, last - at))
                before += tokens
                place += tokens * dtype.itemsize

    def align(self, position: int) -> int:
        """The best place for a cut near a position: characters there, bytes before a whole character, words after
        the nearest line end within 2 % of the text, if there is one."""
        if self.reading.level == "char" or not 0 < position < len(self):
            return position
        if self.reading.level == "byte":
            first = max(0, position - 3)
            near = np.concatenate(list(self.blocks(first, position + 1)))
            starts = np.flatnonzero(~_continues(near))
            return first + int(starts[-1]) if len(starts) else position
        reach = min(len(self) // 50, _BLOCK // 2 - 1)
        first = max(0, position - 1 - reach)
        near = np.concatenate(list(self.blocks(first, min(len(self), position + reach))))
        ends = first + 1 + np.flatnonzero(near == self.reading.words.find([segment.END_OF_LINE])[0])
        return int(ends[np.argmin(np.abs(ends - position))]) if len(ends) else position

    def characters(self, start: int, stop: int) -> int:
        """How many characters of the normalised text the tokens from start to stop stand for, spaces included."""
        if self.reading.level == "char":
            return stop - start
        if self.reading.level == "byte":
            return sum(int(np.count_nonzero(~_continues(block))) for block in self.blocks(start, stop))
        for position in (start, stop):
            if position not in self._before:  # the text is read once more
                self._before[position] = self._characters_before(position)
        return self._before[stop] - self._before[start]

    def count(self, start: int, stop: int) -> Counter[str]:
        """How often each character or word occurs from start to stop; at byte level nothing."""
        if self.reading.level == "byte":
            return Counter()
        counts = np.zeros(0, dtype=np.int64)
        for block in self.blocks(start, stop):
            found = np.bincount(block, minlength=len(counts))
            found[: len(counts)] += counts
            counts = found
        present = np.flatnonzero(counts).tolist()
        if self.reading.level == "char":
            return Counter({chr(code): int(counts[code]) for code in present})
        words = self.reading.words.names
        return Counter({words[index]: int(counts[index]) for index in present})

    def final_ids(self, table: Table, start: int, stop: int, dtype: np.dtype[Any]) -> Iterator[Ids]:
        """The vocabulary's ids from start to stop, a block at a time. table: see `final_table`"""
        narrow = None if table is None else table.astype(dtype)
        of_bytes = None if narrow is None else _of_bytes(narrow)
        for block in self.blocks(start, stop):
            if narrow is None:
                yield block.astype(dtype)
            elif of_bytes is not None and block.itemsize == 1:  # a fifth of the time
                yield np.frombuffer(block.tobytes().translate(of_bytes), dtype=np.uint8)
            else:
                yield narrow.take(block, mode="clip")

    def _characters_before(self, position: int) -> int:
        """Words: up to the end of the last one before the position; spaces between two parts go to the second."""
        if position in (0, len(self)):
            return sum(characters for _, characters in self.sizes) if position else 0
        tokens = characters = 0
        for (piece_tokens, piece_characters), piece in zip(self.sizes, self.reading.pieces(self.source), strict=False):
            if tokens + piece_tokens >= position:
                return characters + segment.end_of_word(piece, position - tokens, self.reading.split)
            tokens += piece_tokens
            characters += piece_characters
        raise DataError("this file became shorter while it was read", file=self.source)


def _of_bytes(table: npt.NDArray[Any]) -> bytes | None:
    """The final ids of the first 256 preliminary ones, for `bytes.translate`; None where one needs more than a byte."""
    found = table.take(np.arange(_BYTE), mode="clip")
    return found.astype(np.uint8).tobytes() if found.max() < _BYTE else None


def _continues(ids: Ids) -> npt.NDArray[np.bool_]:
    """Which bytes go on with a character of UTF-8 that an earlier byte began."""
    return np.asarray((ids.astype(np.int64) - 1) & 0xC0 == 0x80)


def final_table(vocabulary: Vocabulary, reading: Reading) -> Table:
    """Final id by preliminary id; what lies past its end reads the last row, which is the unknown token."""
    if reading.level == "byte":
        return None
    if reading.level == "char":
        indices = [ord(token) for token in vocabulary.tokens[1:]]
        ids = list(range(1, len(vocabulary)))
    else:
        numbers = reading.words.find(vocabulary.tokens)
        there = np.flatnonzero(numbers >= 0)
        indices, ids = numbers[there].tolist(), there.tolist()
    table = np.zeros(max(indices, default=0) + 2, dtype=np.int64)
    table[indices] = ids
    return table
