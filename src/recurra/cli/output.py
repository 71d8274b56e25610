"""What is written on stdout: data as text or as one JSON document."""

from __future__ import annotations

import json
import math
import sys
import unicodedata
from collections.abc import Sequence
from typing import Any

from recurra.cli.streams import silenced
from recurra.terminal import in_a_line


def write(text: str) -> None:
    """To stdout, at once."""
    sys.stdout.write(text)
    sys.stdout.flush()


def write_result(text: str) -> None:
    """As `write`, of a result that stands on disk already: it is no failure that nobody reads where."""
    try:
        write(text)
    except OSError as error:
        silenced(sys.stdout)
        if not isinstance(error, BrokenPipeError):
            note(f"standard output cannot be written: {error.strerror or error}")


def note(line: str) -> None:
    """One line of progress, to stderr."""
    sys.stderr.write(f"note: {line}\n")


def write_json(document: Any) -> None:
    """One document, as `json_text` has it."""
    write(json_text(document))


def json_text(document: Any) -> str:
    """One document. Numbers that JSON does not have (infinity, NaN) are null."""
    found = json.dumps(_plain(document), indent=2, ensure_ascii=True, allow_nan=False) + "\n"
    return found.replace("\x7f", "\\u007f")  # the one control character that JSON lets through


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_table(rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> None:
    """Rows of cells, columns aligned by their width on a terminal; right: columns that end together."""
    from rich.cells import cell_len

    rows = [[visible(cell) for cell in row] for row in rows]
    count = max((len(row) for row in rows), default=0)
    widths = [max((cell_len(row[i]) for row in rows if i < len(row)), default=0) for i in range(count)]
    for row in rows:
        cells = []
        for i, cell in enumerate(row):
            space = " " * (widths[i] - cell_len(cell))
            cells.append(space + cell if i in right else cell + space)
        write("  ".join(cells).rstrip() + "\n")


def visible(text: str, *, longest: int | None = None) -> str:
    """Without characters that would move the cursor or end the line; shortened to `longest` characters.

    On a terminal also without what it hides, for columns then stand as wide as they look.
    """
    if longest is not None and len(text) > longest:
        text = text[: longest - 1] + "…"
    shown = "".join(_shown(character) for character in text)
    return in_a_line(shown) if sys.stdout.isatty() else shown


def _shown(character: str) -> str:
    if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp"):
        return character.encode("unicode_escape").decode("ascii")
    return character


def score(value: float) -> str:
    """Four decimals; fewer where the number is large."""
    return f"{value:.4f}" if abs(value) < 1000 else f"{value:,.1f}"
