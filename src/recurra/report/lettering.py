"""How wide text will be, before a browser has drawn it."""

from __future__ import annotations

import unicodedata

from recurra.report.numbers import printable


def text_width(text: str, size: float) -> float:
    """A guess, on the large side, at the width of `text` in the reader's font of `size` CSS pixels."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return size * (wide + 0.57 * (len(text) - wide))


def shorten(text: str, size: float, width: float) -> str:
    """`text` on one line, cut with an ellipsis where it would be wider than `width`."""
    text = " ".join(printable(text).split())
    if text_width(text, size) <= width:
        return text
    while text and text_width(text + "…", size) > width:
        text = text[:-1]
    return text + "…"


def in_a_line(token: str) -> str:
    """A token as it can be seen: ends of lines, tabs and blanks as signs."""
    made = printable(token).replace("\n", "⏎").replace("\t", "⇥").replace("\r", "⏎")
    return "␣" if made == " " else made.strip() or made
