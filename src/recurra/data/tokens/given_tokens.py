"""A text whose tokens are given: nobody cuts it anew."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from recurra.errors import UsageError


class Tokenised(str):
    """The tokens with a space between them, as a text for people; what encodes it takes `tokens` as they are."""

    tokens: tuple[str, ...]

    def __new__(cls, tokens: Iterable[str]) -> Self:
        """Errors: UsageError for an empty token, or one with white space"""
        given = tuple(tokens)
        for number, token in enumerate(given, start=1):
            if not token or any(map(str.isspace, token)):
                raise UsageError(
                    f"token {number} of {len(given)} is {token!r:.60}; a token is not empty, without white space"
                )
        made = super().__new__(cls, " ".join(given))
        made.tokens = given
        return made

    def strip(self, chars: str | None = None, /) -> Self:
        """Itself: there is no white space around it. Errors: UsageError for characters to strip"""
        if chars is not None:
            raise UsageError("tokens are taken as they are")
        return self
