"""Poems in JSON, as the chinese-poetry collection has them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from recurra.data.files import json_text
from recurra.data.files.text import read_text
from recurra.errors import DataError, quoted


def read_poems(path: Path, encoding: str = "utf-8") -> list[str]:
    """The poems of a file, each as one line: its verses one after the other.

    A poem is an object with `paragraphs`, a list of verses, wherever it stands in the file; titles and authors are left
    out.
    Errors: DataError for a file that is no JSON or holds no poem, for paragraphs that are not a list of texts; or as
    `data.text.check_text_file`
    """
    content = json_text.parse(read_text(path, encoding), path, remedy="give poems as JSON, or a .txt file")
    found = [line for poem in _poems(content, path) if (line := " ".join("".join(poem).split()))]
    if not found:
        raise DataError("this is not a poem: no object has `paragraphs`, a list of verses", file=path)
    return found


def _poems(content: Any, path: Path) -> Iterator[list[str]]:
    left = [content]
    while left:
        item = left.pop()
        if isinstance(item, list):
            left += reversed(item)
        elif isinstance(item, dict):
            verses = item.get("paragraphs")
            if verses is None:
                left += reversed(item.values())
            elif isinstance(verses, list) and all(isinstance(verse, str) for verse in verses):
                yield verses
            else:
                names = (item.get(key) for key in ("title", "chapter", "id"))
                name = next((one for one in names if isinstance(one, str) and one), "without a title")
                raise DataError(f"the paragraphs of the poem {quoted(name)} are not a list of texts", file=path)
