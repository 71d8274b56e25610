"""Poems in JSON, as the chinese-poetry collection has them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from recurra.data.text import read_text
from recurra.errors import DataError


def read_poems(path: Path, encoding: str = "utf-8") -> list[str]:
    """The poems of a file, each as one line: its verses one after the other.

    A poem is an object with `paragraphs`, a list of verses, wherever it stands in the file; titles and authors are left
    out.
    Errors: DataError for a file that is no JSON or holds no poem, for paragraphs that are no list of texts; or as
    `data.text.check_text_file`
    """
    text = read_text(path, encoding)
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(
            f"this is no JSON: {error.msg}, column {error.colno}", remedy="give poems as JSON, or a .txt file",
            file=path, line=error.lineno,
        ) from None  # fmt: skip
    found = [line for poem in _poems(content, path) if (line := " ".join("".join(poem).split()))]
    if not found:
        raise DataError("no poem: no object here has `paragraphs`, a list of verses", file=path)
    return found


def _poems(content: Any, path: Path) -> Iterator[list[str]]:
    if isinstance(content, list):
        for item in content:
            yield from _poems(item, path)
    elif isinstance(content, dict):
        verses = content.get("paragraphs")
        if verses is None:
            for item in content.values():
                yield from _poems(item, path)
        elif isinstance(verses, list) and all(isinstance(verse, str) for verse in verses):
            yield verses
        else:
            name = content.get("title") or content.get("chapter") or content.get("id") or "without a title"
            raise DataError(f"the paragraphs of the poem {name!r} are no list of texts", file=path)
