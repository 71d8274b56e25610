"""Files that open as text and are none to learn from as such: numbers, codes, binary data, minified code."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from recurra.data.files.signatures import refuse_foreign
from recurra.data.files.sources import read_blocks
from recurra.data.files.tables import column_names
from recurra.errors import DataError
from recurra.tasks import registry
from recurra.tasks.settings import TextSettings
from recurra.tasks.sources.source import Source
from recurra.tasks.text.usual import TEXT_COLUMNS

LOOKED_AT = 1 << 16
"""Bytes from the beginning of the file."""
FEWEST = 200
"""Characters that are too few to say anything."""
FEWEST_LINES = 10
CONTROLS, NUMBERS, DIGITS, CODED = 0.05, 0.9, 0.6, 0.8
"""Shares: control characters of the bytes, numbers of the words, digits and long codes of the characters."""
LONG_LINE, SIGNS, SPACES = 2_000, 0.1, 0.12
"""Minified: characters of a line on the average, share of its brackets and the like, share of its spaces at most."""
COLUMNS = (
    "--task translate reads pairs of sentences, --task tag tokens and tags; for classify and others "
    "name it .tsv, with a first line of names; "
)
"""What may be meant by columns."""
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?%?|nan|inf|na|null|\?", re.IGNORECASE)
_BETWEEN = re.compile(r"[\s,;:|]+")
_HEX, _BASE64 = re.compile(r"(?:0x)?[0-9a-fA-F]{16,}"), re.compile(r"[A-Za-z0-9+/=_-]{40,}")


class UnlikeTextError(DataError):
    """The file may be no text to learn from. task: what it is trained as if the user wants it all the same"""

    task: str


@dataclass(frozen=True)
class Finding:
    """reason: the end of a sentence that begins with the file's name; numbers, columns: whether it holds them"""

    reason: str
    numbers: bool = False
    columns: bool = False


def refuse_unlike_text(source: Source) -> None:
    """Errors: UnlikeTextError for running text, or a table without a column of texts, that looks like something else"""
    row = registry.get(source.task)
    if source.named or source.kind not in ("text", "texts", "table") or not _reads_text(row):
        return
    path = source.files.get("train", next(iter(source.files.values())))
    if source.kind == "table" and (path.suffix.lower() == ".parquet" or _has_texts(path)):
        return
    start = next(read_blocks(path, LOOKED_AT), b"")
    refuse_foreign(path, start)
    found = look_at(start) or (None if source.kind == "table" else _columns(start.decode("utf-8", "replace")))
    if found is None or (source.kind == "table" and not found.numbers):
        return
    forced = f"--task {row.name}" + (" --text COLUMN" if source.kind == "table" else "")
    others = (
        [COLUMNS]
        if found.columns
        else [f"--task {o.name} reads {o.needs}; " for o in registry.ROWS if found.numbers and not _reads_text(o)]
    )
    error = UnlikeTextError(
        f"this may be no text to learn from: it {found.reason}",
        remedy=f"{''.join(others)}to train on it as text all the same: {forced}",
        file=path,
    )
    error.task = row.name
    raise error


def _reads_text(row: registry.Row) -> bool:
    return isinstance(row.defaults.settings.data, TextSettings)


def _has_texts(path: Path) -> bool:
    try:
        return any(name.lower() in TEXT_COLUMNS for name in column_names(path))
    except DataError:
        return True  # told when it is read


def look_at(start: bytes) -> Finding | None:
    """What speaks against text in the first bytes of a file; None if nothing does."""
    if len(start) < FEWEST or start[:2] in (b"\xff\xfe", b"\xfe\xff") or _is_utf_16(start):
        return None
    controls = sum(byte < 32 and byte not in b"\t\n\f\r\x1b" for byte in start) + start.count(0x7F)
    if controls > CONTROLS * len(start):
        return Finding(f"has control characters, {controls / len(start):.0%} of its bytes, as binary data have")
    return _codes(text := start.decode("utf-8", "ignore")) or _numbers(text) or _minified(text)


def _is_utf_16(start: bytes) -> bool:
    even, odd = start[::2].count(0), start[1::2].count(0)
    return max(even, odd) > 0.1 * len(start) and min(even, odd) < 0.01 * len(start)


def _numbers(text: str) -> Finding | None:
    words = [word for word in _BETWEEN.split(text) if word.strip("\"'")][:-1]  # the last may be cut
    count = sum(_NUMBER.fullmatch(word.strip("\"'()[]{}")) is not None for word in words)
    if count >= max(20, NUMBERS * len(words)):
        return Finding(f"holds numbers, {count / len(words):.0%} of the first {len(words):,} words", numbers=True)
    bare = len(text) - sum(map(str.isspace, text))
    plain = (word for word in text.split() if not word[0].isalpha())  # w17 is a name, 2024-01-17T12:05 is none
    digits = sum(character.isdecimal() for word in plain for character in word)
    if digits > DIGITS * bare:
        return Finding(f"holds digits, {digits / bare:.0%} of its characters", numbers=True)
    return None


def _columns(text: str) -> Finding | None:
    """The same number of tabs, one or more, on every line."""
    lines = [line for line in text.split("\n")[:-1] if line.strip()]  # the last may be cut
    rows = [line.split("\t") for line in lines]
    if len(rows) < FEWEST_LINES or not all(len(row) == len(rows[0]) > 1 and all(map(str.strip, row)) for row in rows):
        return None
    return Finding(f"has {len(rows[0])} columns with tabs between them on every line", columns=True)


def _codes(text: str) -> Finding | None:
    """Hexadecimal digits or base64: long words of letters and digits in which all are about as frequent."""
    bare = len("".join(text.split())) or 1
    for name, pattern, kinds in (("hexadecimal digits", _HEX, 16), ("base64", _BASE64, 64)):
        words = pattern.findall(text)
        coded = "".join(words).lower() if kinds == 16 else "".join(words)
        if len(coded) > CODED * bare and any(c.isdigit() for c in coded) and _evenness(coded) > 0.95 * math.log2(kinds):
            return Finding(f"looks like {name}, {len(coded) / bare:.0%} of its characters")
    return None


def _evenness(text: str) -> float:
    """Entropy of its characters. Units: bits a character"""
    counts = Counter(text)
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts.values())


def _minified(text: str) -> Finding | None:
    lines = text.splitlines() or [""]
    signs = sum(character in "(){}[]<>;,=:\"'&|!?+*/" for character in text)
    spaces = sum(map(str.isspace, text))
    if len(text) >= LONG_LINE * len(lines) and signs > SIGNS * len(text) and spaces < SPACES * len(text):
        return Finding(f"looks like minified code or data, with {len(text) // len(lines):,} characters to a line")
    return None
