"""Named ways to make spellings agree before a text is cut into tokens."""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Callable, Iterable

from recurra.errors import UnknownNameError

ASCII_KEPT = frozenset(string.ascii_letters + " .,;'-\n")


def fold_ascii(text: str) -> str:
    """Drop accents, then everything but ASCII letters, " .,;'-" and the line feed.

    Canonical decomposition (NFD) first, so that "Ślusàrski" becomes "Slusarski"; letters that do not
    decompose ("ł", "ø", "ß") vanish.
    Source: `unicode_to_ascii` of S. Robertson's name classification and generation tutorials (2017); the
    generation tutorial's alphabet, which has the hyphen. The line feed is kept so that a text keeps its
    lines.
    """
    return "".join([c for c in unicodedata.normalize("NFD", text) if c in ASCII_KEPT])


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _nfkc(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


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
    """Apply the named normalisations in the order given."""
    for name in names:
        text = NORMALIZATIONS[name](text)
    return text


def is_safe_cut(character: str) -> bool:
    """Whether a text may be cut before this character without changing what any normalisation gives.

    Not before combining marks and the vowels and finals of Hangul, which join with what stands before them,
    nor before signs that decompose into one (the half-width voiced mark of Japanese).
    """
    first = unicodedata.normalize("NFKD", character)[0]
    return not unicodedata.category(first).startswith("M") and not 0x1160 <= ord(first) <= 0x11FF
