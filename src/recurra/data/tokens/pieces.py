"""A text in normalised pieces that may be cut into tokens one by one: no word, no accented letter spans two."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from recurra.data.files.text import iter_text
from recurra.data.tokens.normalize import is_safe_cut, normalize

CHUNK_CHARS = 1 << 20
_SPACES = " \t\u3000"


def pieces(
    path: Path, *, encoding: str, normalize_by: Iterable[str], words: bool, chunk_chars: int = CHUNK_CHARS
) -> Iterator[str]:
    """The text of a file, normalised, in pieces of about `chunk_chars` characters.

    A piece ends after a line feed if it has one, else after a space, else before a character that joins with
    nothing before it; with `words` only at white space, so one endless word is one piece.
    Errors: DataError as `recurra.data.files.text.iter_text`.
    """
    names = tuple(normalize_by)
    held: list[str] = []
    for text in iter_text(path, encoding, chunk_chars):
        cut = _cut(text, words=words)
        if cut:
            yield normalize("".join([*held, text[:cut]]), names)
            held = []
        held.append(text[cut:])
    if any(held):
        yield normalize("".join(held), names)


def _cut(text: str, *, words: bool) -> int:
    """Where to cut, 0 for nowhere."""
    cut = text.rfind("\n") + 1
    cut = cut or max(text.rfind(space) for space in _SPACES) + 1
    if cut or words:
        return cut
    return next((i for i in range(len(text) - 1, 0, -1) if is_safe_cut(text[i])), 0)
