"""A sentence as it is typed to tokens as tagged data have them."""

from __future__ import annotations

import re
from collections.abc import Callable

from recurra.data import segment

_CLITIC = re.compile(r"(.+?)(n['’]t|['’]\w{1,2})", re.IGNORECASE)
_WHOLE = re.compile(r"\d+(?:[.,:/]\d+)+|\S+@\S+\.\S+|\w+://\S+", re.ASCII)
"""Numbers, addresses: signs within them part nothing."""


def cut(text: str, known: Callable[[str], bool]) -> list[str]:
    """The tokens of a sentence, cut at white space, at signs and before English clitics.

    known: whether there is such a token; what is known is never cut further, and a clitic (n't, 's) is cut off only if
    it is known by itself, so that the tokens come out as the training data have them.
    """
    return [token for chunk in text.split() for token in _cut(chunk, known)]


def _cut(chunk: str, known: Callable[[str], bool]) -> list[str]:
    if not chunk or known(chunk):
        return [chunk] if chunk else []
    if not chunk[0].isalnum():
        return [chunk[0], *_cut(chunk[1:], known)]
    if not chunk[-1].isalnum():
        size = next((n for n in range(len(chunk) - 1, 1, -1) if _signs(chunk[-n:]) and known(chunk[-n:])), 1)
        return [*_cut(chunk[:-size], known), chunk[-size:]]
    if _WHOLE.fullmatch(chunk):
        return [chunk]
    clitic = _CLITIC.fullmatch(chunk)
    if clitic is not None and known(clitic[2]):
        return [*_cut(clitic[1], known), clitic[2]]
    return segment.words(chunk)


def _signs(text: str) -> bool:
    return not any(character.isalnum() for character in text)
