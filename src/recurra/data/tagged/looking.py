"""Whether a file whose name does not say so holds a token a line with its tag."""

from __future__ import annotations

from pathlib import Path

from recurra.data.files.sources import read_blocks
from recurra.data.tagged.columns import DOCUMENT_START
from recurra.errors import DataError

LOOKED_AT = 1 << 16
"""Bytes from the beginning of the file."""
FEWEST = 20
"""Tokens that are too few to say anything."""
LONGEST = 200
"""Tokens of a sentence, on the average."""
TAGS = 0.3
"""Different tags at most, as a share of the tokens."""


def looks_tagged(path: Path) -> bool:
    """Whether lines have as many columns, two or more, blank lines part them, and the last column says few things.

    Text with as many words on every line has no such last column, pairs of sentences no blank lines.
    """
    try:
        start = next(read_blocks(path, LOOKED_AT), b"")
    except DataError:
        return False  # told when it is read
    lines = start.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace").splitlines()
    if len(start) >= LOOKED_AT:
        del lines[-1:]  # cut
    rows, sentences, inside = [], 0, False
    for line in lines:
        if not line.strip():
            sentences, inside = sentences + inside, False
        elif not line.startswith((DOCUMENT_START, "#")):
            inside = True
            rows.append(line.split("\t") if "\t" in line else line.split())
    if len(rows) < FEWEST or sentences < 2 or len(rows) > LONGEST * sentences:
        return False
    width, tags = len(rows[0]), {row[-1] for row in rows}
    same = all(len(row) == width and all(row) and " " not in row[0].strip() for row in rows)
    return same and width > 1 and len(tags) <= max(4, TAGS * len(rows))
