"""Named ways to make spellings agree before a text is cut into tokens."""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Callable, Iterable
from typing import Literal

from recurra.errors import UnknownNameError
from recurra.terminal import whole

ASCII_KEPT = frozenset(string.ascii_letters + " .,;'-\n")

_LONG_ROW = re.compile(rb"[^\x00]{31,}")
"""Combining classes of more marks than a letter of stream-safe text may have (Unicode Standard Annex 15)."""
_HIDDEN = re.compile("[\u0f73\u0f75\u0f81\uff9e\uff9f]")
"""Characters that become marks and are none themselves."""


def fold_ascii(text: str) -> str:
    """Drop accents, then everything but ASCII letters, " .,;'-" and the line feed.

    Canonical decomposition (NFD) first, so that "Ślusàrski" becomes "Slusarski"; letters that do not
    decompose ("ł", "ø", "ß") vanish.
    Source: `unicode_to_ascii` of S. Robertson's name classification and generation tutorials (2017); the
    generation tutorial's alphabet, which has the hyphen. The line feed is kept so that a text keeps its
    lines.
    """
    return "".join([c for c in _unicode("NFD", text) if c in ASCII_KEPT])


def _nfc(text: str) -> str:
    return _unicode("NFC", text)


def _nfkc(text: str) -> str:
    return _unicode("NFKC", text)


NORMALIZATIONS: dict[str, Callable[[str], str]] = {
    "nfc": _nfc,
    "nfkc": _nfkc,
    "lowercase": str.lower,
    "ascii": fold_ascii,
}


def check_names(names: Iterable[str]) -> tuple[str, ...]:
    """The names as a tuple. Errors: UnknownNameError for a normalisation that there is not."""
    checked = tuple(names)
    for name in checked:
        if name not in NORMALIZATIONS:
            raise UnknownNameError("normalisation", name, NORMALIZATIONS)
    return checked


def normalize(text: str, names: Iterable[str]) -> str:
    """Apply the named normalisations in the order given; half of a surrogate pair is U+FFFD always."""
    text = whole(text)
    for name in names:
        text = NORMALIZATIONS[name](text)
    return text


def _unicode(form: Literal["NFC", "NFD", "NFKC"], text: str) -> str:
    """`unicodedata.normalize` in time that grows with the length alone.

    It sorts the marks behind a letter by insertion, which takes hours for some hundred thousand of them. So long rows
    of marks are sorted before, which is a part of normalising and changes nothing of what comes out.
    """
    if len(text) <= 30 or text.isascii():
        return unicodedata.normalize(form, text)
    for between in "\n ":  # nothing joins with what stands before these, nor with them
        if between in text:
            parts = text.split(between)
            return between.join([part if part.isascii() else _unicode(form, part) for part in parts])
    apart: Literal["NFD", "NFKD"] = "NFKD" if form == "NFKC" else "NFD"
    text = _HIDDEN.sub(lambda found: unicodedata.normalize(apart, found[0]), text)
    classes = bytes(map(unicodedata.combining, text))  # 0 to 240
    start, parts = 0, []
    for row in _LONG_ROW.finditer(classes):
        parts += [text[start : row.start()], _sorted(text[row.start() : row.end()], apart)]
        start = row.end()
    return unicodedata.normalize(form, "".join([*parts, text[start:]]) if parts else text)


def _sorted(row: str, apart: Literal["NFD", "NFKD"]) -> str:
    """Marks in the order of their combining classes."""
    marks = "".join([unicodedata.normalize(apart, mark) for mark in row])
    return "".join(sorted(marks, key=unicodedata.combining))


def is_safe_cut(character: str) -> bool:
    """Whether a text may be cut before this character without changing what any normalisation gives.

    Not before combining marks and the vowels and finals of Hangul, which join with what stands before them,
    nor before signs that decompose into one (the half-width voiced mark of Japanese).
    """
    first = unicodedata.normalize("NFKD", character)[0]
    return not unicodedata.category(first).startswith("M") and not 0x1160 <= ord(first) <= 0x11FF
