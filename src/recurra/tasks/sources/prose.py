"""Whether a text runs on over its lines, as a book does, or has an example on each."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from recurra.data.files.sources import read_blocks

LOOKED_AT = 1 << 16
"""Bytes from the beginning of the text."""
FEWEST_LINES = 6
PARAGRAPHS = 0.04
"""Breaks by blank lines for each line, from which on a text has paragraphs."""
WRAPPED, LONG = 0.2, 40
"""Share of the lines that go on in the middle of a sentence, and the characters that such a line has at least."""
_ENDS = tuple(".!?…:;,\"'”’»)]}。！？；：")


def why_prose(path: Path) -> str:
    """What speaks for running text, as the end of a sentence that begins with the file's name; empty if nothing."""
    start = next(read_blocks(path, LOOKED_AT), b"").decode("utf-8", "replace")
    lines = [line.strip() for line in start.strip().split("\n")]
    filled = [line for line in lines if line]
    if len(filled) < FEWEST_LINES:
        return ""
    breaks = sum(not line and bool(before) for before, line in pairwise(lines))
    if breaks > 1 and breaks >= PARAGRAPHS * len(filled):
        return "has paragraphs with blank lines between them"
    going_on = sum(
        len(before) >= LONG and not before.endswith(_ENDS) and after[:1].islower() for before, after in pairwise(filled)
    )
    if going_on >= WRAPPED * len(filled) and any(line[:1].isupper() for line in filled):
        return "has sentences that go on over the end of a line"
    return ""
