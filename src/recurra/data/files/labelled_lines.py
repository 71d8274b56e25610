"""Lines that begin with their label, as fastText has them: `__label__positive a fine film`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from recurra.data.files.sources import read_blocks
from recurra.data.files.text import iter_lines
from recurra.errors import DataError

MARK = "__label__"
COLUMNS = ["label", "text"]
"""What the two parts of a line are called."""


def is_labelled(path: Path) -> bool:
    """Whether the first line that is not blank begins with a label; False for what cannot be read."""
    if not path.is_file():
        return False
    try:
        start = next(read_blocks(path), b"")
    except DataError:
        return False  # told when it is read
    return start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(MARK.encode())


def labelled_rows(path: Path, encoding: str) -> Iterator[tuple[int, list[str]]]:
    """(line, [label, text]) of each line that is not blank, after a first row with the names of the two.

    Errors: DataError, with its line, for a line without a label or with several
    """
    yield 0, COLUMNS
    for number, line in enumerate(iter_lines(path, encoding), start=1):
        words = line.split()
        if not words:
            continue
        labels = [word for word in words if word.startswith(MARK)]
        if len(labels) != 1 or words[0] != labels[0]:
            problem = "does not begin with its label" if len(labels) < 2 else f"has {len(labels)} labels"
            raise DataError(
                f"this line {problem}",
                remedy=f"one label a line, before the text: {MARK}good a fine film",
                file=path,
                line=number,
            )
        yield number, [labels[0].removeprefix(MARK), line.strip()[len(labels[0]) :].strip()]
