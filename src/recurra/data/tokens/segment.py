"""Cutting a text into words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal, get_args

from recurra.data.tokens import chinese
from recurra.data.tokens.chinese import Segmenter

Split = Literal["words", "space", "chinese"]
SPLITS: tuple[str, ...] = get_args(Split)

END_OF_LINE = "<eos>"
SPACE = "\u2581"
"""Stands for a space within a sub-word; a text begins as if there were one before it."""
_WORD = re.compile(r"\w+|[^\w\s]|\n")
_SPACED = re.compile(r"\n|\S+")
_NO_SIGN = dict.fromkeys(code for code in range(128) if re.match(r"[\w\s]", chr(code)))
"""What `str.translate` takes out of ASCII so that signs are left."""


def words(text: str, split: Split = "words", segmenter: Segmenter | None = None) -> list[str]:
    """The words of a text; a line feed is the token "<eos>", other white space vanishes.

    split="words": runs of letters, digits and underscores, and every other sign by itself.
    split="space": whatever stands between white space, for text that is cut already (Penn Treebank,
    WikiText).
    split="chinese": words of a dictionary, cut by `segmenter`, without one by the preferred one that is installed.
    Errors: UsageError for Chinese words where no segmenter is installed.
    """
    found = pieces(text, split, segmenter)
    if split == "space" or "\n" not in text:
        return found
    return [END_OF_LINE if word == "\n" else word for word in found]


def pieces(text: str, split: Split = "words", segmenter: Segmenter | None = None) -> list[str]:
    """As `words`, faster: a line feed may stand for itself."""
    if split == "space":
        return text.replace("\n", f" {END_OF_LINE} ").split()
    if split == "chinese":
        return [word for _, word in (segmenter or chinese.segmenter()).words(text)]
    found: list[str] = []
    for number, line in enumerate(text.split("\n")):
        if number:
            found.append("\n")
        if line.isascii():  # space around its signs and one split cost less than a look at each word
            if not line.isalnum():
                for sign in set(line.translate(_NO_SIGN)):
                    line = line.replace(sign, f" {sign} ")
            found += line.split()
            continue
        between = line.split()
        if "".join(between).isalnum():  # then all of it is words, which is seen ten times as fast
            found += between
            continue
        for piece in between:
            if piece.isalnum():
                found.append(piece)
            else:
                found += _WORD.findall(piece)
    return found


def end_of_word(text: str, count: int, split: Split = "words") -> int:
    """The offset in characters just past the first `count` tokens of `words(text, split)`; 0 for no token."""
    if split == "chinese":
        start, word = (chinese.segmenter().words(text) or [(0, "")])[: count or None][-1]
        return start + len(word) if count else 0
    end = 0
    pattern = _SPACED if split == "space" else _WORD
    for _, match in zip(range(count), pattern.finditer(text), strict=False):
        end = match.end()
    return end


def join(tokens: Iterable[str], split: Split = "words") -> str:
    """Words back into a text: a space where `space_between` says, "<eos>" as a line feed without spaces around it."""
    parts: list[str] = []
    last = ""
    for token in tokens:
        if token == END_OF_LINE:
            token = "\n"
        parts.append(f" {token}" if space_between(last, token, split) else token)
        last = token
    return "".join(parts)


def space_between(left: str, right: str, split: Split = "words") -> bool:
    """Whether a space stands between two words, or the end of a text and a word.

    Never beside white space or at the start; among Chinese words only between Latin letters or digits.
    """
    if not left or not right or left[-1].isspace() or right[0].isspace():
        return False
    return split != "chinese" or (_latin(left[-1]) and _latin(right[0]))


def _latin(character: str) -> bool:
    return character.isascii() and character.isalnum()
