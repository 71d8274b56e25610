"""Bytes made hostile: flips, splices, truncations, words of a format in the wrong place, tricks of size."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

LONG = 200_000
"""Bytes of a trick of size, at most."""

ODD = [
    b"", b"\0", b"\r", b"\r\n", b"\n", b"\n\n", b"\t", b" ", b"\xff", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff",
    b"\xff\xfe\0\0", b"\0\0\xfe\xff", "\u2028".encode(), "\u2029".encode(), "\u0085".encode(), b"\x0b", b"\x0c",
    b"\x1c", b"\x1a", b"\x1b[2J", "\u0301\u0327".encode(), "\u0f73".encode(), "\u200b".encode(), "\ufeff".encode(),
    "\U0010ffff".encode(), b"\xed\xa0\xbd", b"\xf4\x90\x80\x80", b"\xc0\x80", "İı".encode(), "９".encode(),
    b"9" * 5_000, b"-" + b"1" * 4_301, b"1e999", b"NaN", b"Infinity", b"-Infinity", b"nan", b"null", b"true",
    b"[" * 3_000, b'{"a":' * 3_000, b"(" * 2_000, b'"', b'""', b"'", b"\\", rb"\ud83d", rb"\udc00\ud83d", rb"\u0000",
    b"__", b"%s%n{0}", b"../../etc/passwd", b"=1+1", b"#", b"-DOCSTART-", b"<unk>", b"<eos>", b",", b";", b"|", b":",
    b"999999999999 9999999", b"0 0", b"1 1", b"-1 5", b"0x10", b"1_000", b"\x1f\x8b\x08", b"PK\x03\x04", b"PAR1",
]  # fmt: skip


def mutated(content: bytes, drawn: Random, words: list[bytes], others: list[bytes]) -> bytes:
    """The content after one to five mutations. words: of its format; others: contents to splice with"""
    data = bytearray(content)
    for _ in range(drawn.choice([1, 1, 1, 2, 3, 5])):
        drawn.choice(_CHOICES)(data, drawn, words, others)
        del data[4 * LONG :]
    return bytes(data)


def _place(data: bytearray, drawn: Random) -> int:
    """Often at a border of lines or cells."""
    place = drawn.randint(0, len(data))
    found = data.find(drawn.choice([b"\n", b",", b"\t", b'"', b" "]), place)
    return found + drawn.randint(0, 1) if found >= 0 and drawn.random() < 0.5 else place


def _word(drawn: Random, words: list[bytes]) -> bytes:
    return drawn.choice(words if words and drawn.random() < 0.5 else ODD)


def _flip(data: bytearray, drawn: Random, _words: list[bytes], _others: list[bytes]) -> None:
    for _ in range(drawn.choice([1, 1, 2, 8]) if data else 0):
        data[drawn.randrange(len(data))] ^= 1 << drawn.randrange(8)


def _replace(data: bytearray, drawn: Random, _words: list[bytes], _others: list[bytes]) -> None:
    if data:
        data[drawn.randrange(len(data))] = drawn.choice([0, 9, 10, 13, 32, 34, 44, 48, 57, 127, 128, 255])


def _truncate(data: bytearray, drawn: Random, _words: list[bytes], _others: list[bytes]) -> None:
    del data[_place(data, drawn) :]


def _delete(data: bytearray, drawn: Random, _words: list[bytes], _others: list[bytes]) -> None:
    start = _place(data, drawn)
    del data[start : start + drawn.choice([1, 1, 4, 40])]


def _insert(data: bytearray, drawn: Random, words: list[bytes], _others: list[bytes]) -> None:
    place = _place(data, drawn)
    data[place:place] = _word(drawn, words)


def _overwrite(data: bytearray, drawn: Random, words: list[bytes], _others: list[bytes]) -> None:
    place, word = _place(data, drawn), _word(drawn, words)
    data[place : place + drawn.choice([1, len(word), 10])] = word


def _double(data: bytearray, drawn: Random, _words: list[bytes], _others: list[bytes]) -> None:
    start = _place(data, drawn)
    part = bytes(data[start : start + drawn.choice([1, 8, 80, 800])])
    data[start:start] = part * drawn.choice([1, 2, 30])


def _splice(data: bytearray, drawn: Random, _words: list[bytes], others: list[bytes]) -> None:
    other = drawn.choice(others)
    start = drawn.randint(0, len(other))
    data[_place(data, drawn) :] = other[start : start + 2_000]


def _lines(data: bytearray, drawn: Random, _words: list[bytes], _others: list[bytes]) -> None:
    lines = bytes(data).split(b"\n")
    drawn.shuffle(lines)
    data[:] = b"\n".join(lines[: drawn.randint(0, len(lines))])


def _line_ends(data: bytearray, drawn: Random, _words: list[bytes], _others: list[bytes]) -> None:
    end = drawn.choice([b"\r", b"\r\n", b"\r\r\n", b"\n\n", "\u2028".encode(), "\u0085".encode(), b"\0", b""])
    data[:] = bytes(data).replace(b"\n", end)


def _recode(data: bytearray, drawn: Random, _words: list[bytes], _others: list[bytes]) -> None:
    codec = drawn.choice(["utf-16", "utf-16-le", "utf-32", "utf-8-sig", "latin-1", "gb18030", "utf-7"])
    data[:] = bytes(data).decode("utf-8", "replace").encode(codec, "replace")


def _empty(data: bytearray, drawn: Random, _words: list[bytes], _others: list[bytes]) -> None:
    if drawn.random() < 0.2:
        data[:] = drawn.choice([b"", b"\n", b" \t\n" * 9, b"\xef\xbb\xbf", b"\r", b"\0" * 99])


def _large(data: bytearray, drawn: Random, words: list[bytes], others: list[bytes]) -> None:
    """A word, or a piece of the content, so often that it makes up LONG bytes; seldom, for that takes its time."""
    if drawn.random() > 0.1:
        _insert(data, drawn, words, others)
        return
    place = _place(data, drawn)
    piece = drawn.choice([_word(drawn, words), bytes(data[place : place + 30])]) or b"a"
    data[place:place] = piece * (drawn.choice([2_000, 20_000, LONG]) // len(piece))


_CHOICES: list[Callable[[bytearray, Random, list[bytes], list[bytes]], None]] = [
    _flip, _replace, _truncate, _delete, _insert, _insert, _overwrite, _overwrite, _double, _splice, _lines, _line_ends,
    _recode, _empty, _large,
]  # fmt: skip
