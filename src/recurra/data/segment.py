"""Cutting a text into words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

Split = Literal["words", "space"]
SPLITS: tuple[str, ...] = ("words", "space")

END_OF_LINE = "<eos>"
_WORD = re.compile(r"\n|\w+|[^\w\s]")
_SPACED = re.compile(r"\n|\S+")


def words(text: str, split: Split = "words") -> list[str]:
    """The words of a text; a line feed is the token "<eos>", other white space vanishes.

    split="words": runs of letters, digits and underscores, and every other sign by itself.
    split="space": whatever stands between white space, for text that is cut already (Penn Treebank,
    WikiText).
    """
    if split == "space":
        return text.replace("\n", f" {END_OF_LINE} ").split()
    return [END_OF_LINE if word == "\n" else word for word in _WORD.findall(text)]


def end_of_word(text: str, count: int, split: Split = "words") -> int:
    """The offset in characters just past the first `count` tokens of `words(text, split)`; 0 for no token."""
    end = 0
    pattern = _SPACED if split == "space" else _WORD
    for _, match in zip(range(count), pattern.finditer(text), strict=False):
        end = match.end()
    return end


def join(tokens: Iterable[str]) -> str:
    """Words back into a text: a space between two words, "<eos>" as a line feed without spaces around it."""
    parts: list[str] = []
    line_starts = True
    for token in tokens:
        if token == END_OF_LINE:
            parts.append("\n")
        else:
            parts.append(token if line_starts else f" {token}")
        line_starts = token == END_OF_LINE
    return "".join(parts)
