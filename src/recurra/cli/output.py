"""What is written on stdout: data as text or as one JSON document."""

from __future__ import annotations

import json
import re
import sys
import unicodedata
from collections.abc import Sequence
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

from recurra.cli.streams import silenced
from recurra.data.files.json_text import storable
from recurra.terminal import in_a_line

LONGEST = 60
"""Characters of a text beside answers."""


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


def write_folder(folder: Path, about: dict[str, Any], notes: Sequence[str], *, json: bool) -> None:
    """What was made of a model: notes for people, and its folder, with all about it as JSON."""
    for line in notes:
        note(line)
    if json:
        write_json({"folder": str(folder)} | about)
    else:
        write_result(f"{folder}\n")


def json_text(document: Any) -> str:
    """One document. Numbers that JSON does not have (infinity, NaN) are null."""
    found = _laid_out(document, "\n") + "\n"
    return found.replace("\x7f", "\\u007f")  # the one control character that JSON lets through


_IN_A_LINE = json.JSONEncoder(ensure_ascii=True, allow_nan=False).encode


def _laid_out(value: Any, line: str) -> str:
    """As json.dumps with an indent of 2, which does not use its compiled encoder then. line: how one of these begins"""
    if isinstance(value, dict):
        within = f"{line}  "
        cells = [f"{_IN_A_LINE(str(key))}: {_laid_out(inner, within)}" for key, inner in value.items()]
        return f"{{{within}{f',{within}'.join(cells)}{line}}}" if cells else "{}"
    if isinstance(value, list | tuple):
        within = f"{line}  "
        cells = [_laid_out(inner, within) for inner in value]
        return f"[{within}{f',{within}'.join(cells)}{line}]" if cells else "[]"
    return _IN_A_LINE(storable(value))


def write_table(rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> None:
    """Rows of cells, columns aligned by their width on a terminal; right: columns that end together."""
    terminal = sys.stdout.isatty()
    shown = rows
    if terminal or not "".join(chain.from_iterable(rows)).isprintable():
        shown = [[cell if cell.isprintable() and not terminal else visible(cell) for cell in row] for row in rows]
    columns, forms = list(zip_longest(*shown, fillvalue="")), []
    for i, cells in enumerate(columns):
        if _WIDE.search("".join(cells)):
            widths = [_width(cell) for cell in cells]
            spaces = [" " * (max(widths) - own) for own in widths]
            pairs = zip(spaces, cells, strict=True) if i in right else zip(cells, spaces, strict=True)
            columns[i] = tuple(map("".join, pairs))
            forms.append("%s")
        else:
            forms.append(f"%{'' if i in right else '-'}{max(map(len, cells))}s")
    form = "  ".join(forms)
    write(
        "".join([f"{(form % row).rstrip()}\n" for row in zip(*columns, strict=True)]) if columns else "\n" * len(rows)
    )


_WIDE = re.compile(r"[^\x20-\x7e\xa1-\xac\xae-\u02ff\u0370-\u0482\u048a-\u04ff\u1e00-\u1fff]")
"""What may not be one column of a terminal wide. Latin, Greek and Cyrillic letters are, looked through at once."""


def _width(cell: str) -> int:
    """Columns on a terminal."""
    if cell.isascii():
        return len(cell)
    from rich.cells import cell_len

    return cell_len(cell)


def shown_beside(rows: Sequence[Sequence[str]]) -> Sequence[Sequence[str]]:
    """Rows whose first cell is a text, which is shown in one line and cut where it is long."""
    texts = [row[0] for row in rows if row]
    if not sys.stdout.isatty() and max(map(len, texts), default=0) <= LONGEST and "".join(texts).isprintable():
        return rows
    return [[visible(row[0], longest=LONGEST), *row[1:]] if row else [] for row in rows]


def visible(text: str, *, longest: int | None = None) -> str:
    """Without characters that would move the cursor or end the line; shortened to `longest` characters.

    On a terminal also without what it hides, for columns then stand as wide as they look.
    """
    if longest is not None and len(text) > longest:
        text = text[: longest - 1] + "…"
    shown = text if text.isprintable() else "".join(_shown(character) for character in text)
    return in_a_line(shown) if sys.stdout.isatty() else shown


def visible_token(token: str) -> str:
    """As `visible`, of a token, whose blank or line's end is all that there is of it."""
    return visible({" ": "␣", "\n": "⏎"}.get(token, token), longest=30)


def _shown(character: str) -> str:
    if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp"):
        return character.encode("unicode_escape").decode("ascii")
    return character


def score(value: float) -> str:
    """Four decimals; fewer where the number is large."""
    return f"{value:.4f}" if abs(value) < 1000 else f"{value:,.1f}"
