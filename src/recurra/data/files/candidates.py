"""N-best lists: groups of candidates, one a line, with blank lines between the groups."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from recurra.data.files.text import iter_lines
from recurra.errors import DataError


@dataclass(frozen=True)
class Group:
    """Candidates for the same place. line: where the first one stands, from 1"""

    texts: tuple[str, ...]
    line: int


def read_candidates(path: Path, encoding: str = "utf-8") -> list[Group]:
    """The groups of a file in their order; outer white space of a line is left out.

    Errors: DataError for a group of one candidate, with its line, for a file without any; or as
    `data.text.check_text_file`
    """
    path = Path(path)
    found: list[Group] = []
    texts: list[str] = []
    number = 0
    for number, line in enumerate(iter_lines(path, encoding), start=1):
        if text := line.strip():
            texts.append(text)
        else:
            _close(found, texts, number, path)
            texts = []
    _close(found, texts, number + 1, path)
    if not found:
        raise DataError(
            "there are no candidates: every line is blank", remedy="give groups of two lines or more", file=path
        )
    return found


def _close(found: list[Group], texts: list[str], blank: int, path: Path) -> None:
    """Errors: DataError"""
    first = blank - len(texts)
    if len(texts) == 1:
        raise DataError(
            f"a group needs two candidates, this one has one: {texts[0][:60]!r}",
            remedy="put candidates for the same place on neighbouring lines, with a blank line between groups",
            file=path,
            line=first,
        )
    if texts:
        found.append(Group(tuple(texts), first))
