"""A sentence as it is typed to tokens as tagged data have them."""

from __future__ import annotations

import re
from collections.abc import Callable

from recurra.data.tokens import segment

LONGEST = 1_000
"""Characters of a token that is looked up; what is longer is cut at signs and white space alone."""
LONGEST_SIGNS = 50
"""Signs in a row that may be one token."""
_CLITIC = re.compile(r"n['’]t|['’]\w{1,2}", re.IGNORECASE)
_NUMBER = re.compile(r"\d+(?:[.,:/]\d+)+", re.ASCII)
_PROTOCOL = re.compile(r"\w+://", re.ASCII)


def cut(text: str, known: Callable[[str], bool]) -> list[str]:
    """The tokens of a sentence, cut at white space, at signs and before English clitics.

    known: whether there is such a token; what is known is never cut further, and a clitic (n't, 's) is cut off only if
    it is known by itself, so that the tokens come out as the training data have them.
    """
    return [token for chunk in text.split() for token in _cut(chunk, known)]


def _cut(chunk: str, known: Callable[[str], bool]) -> list[str]:
    """Signs and clitics are taken off both ends of chunk[start:end] until a token or words are left."""
    first: list[str] = []
    last: list[str] = []
    start, end = 0, len(chunk)
    edge = end  # where the signs begin that chunk[:end] ends in
    while start < end:
        short = end - start <= LONGEST
        if short and known(chunk[start:end]):
            first.append(chunk[start:end])
            break
        if not chunk[start].isalnum():
            first.append(chunk[start])
            start += 1
            continue
        if not chunk[end - 1].isalnum():
            if edge == end:
                edge = next(place for place in range(end, start, -1) if chunk[place - 1].isalnum())
            size = _signs(chunk, edge, end, known)
        elif short and _is_whole(chunk[start:end]):
            first.append(chunk[start:end])
            break
        else:
            size = _clitic(chunk, start, end, known)
            edge = end - size
        if not size:
            first += segment.words(chunk[start:end])
            break
        last.append(chunk[end - size : end])
        end -= size
    return first + last[::-1]


def _signs(chunk: str, edge: int, end: int, known: Callable[[str], bool]) -> int:
    """How many of the signs chunk[edge:end] are the last token: as many as make up one that is known, else one."""
    if end - edge > LONGEST_SIGNS:
        return 1
    return next((size for size in range(end - edge, 1, -1) if known(chunk[end - size : end])), 1)


def _clitic(chunk: str, start: int, end: int, known: Callable[[str], bool]) -> int:
    """Characters of the clitic that chunk[start:end] ends in, 0 if it ends in none that is known."""
    for size in (3, 2):
        if end - size > start and _CLITIC.fullmatch(chunk, end - size, end):
            return size if known(chunk[end - size : end]) else 0
    return 0


def _is_whole(chunk: str) -> bool:
    """Whether it is a number or an address, which signs part nothing of."""
    if _NUMBER.fullmatch(chunk):
        return True
    at = chunk.find("@", 1)
    if at > 0 and chunk.rfind(".", at + 2, len(chunk) - 1) > 0:
        return True
    protocol = _PROTOCOL.match(chunk)
    return protocol is not None and protocol.end() < len(chunk)
