"""Blanks of a sentence, as people write them."""

from __future__ import annotations

import re

from recurra.data.tokens.given_tokens import Tokenised
from recurra.data.tokens.vocabulary import Vocabulary
from recurra.errors import UsageError

BLANK = re.compile(r"[_＿]{2,}")
"""Two underscores or more, of either width."""
EXAMPLE = "write a blank as two or more underscores in a sentence: I lost my ____ on the train"


def blanks_of(text: str, number: int = 1) -> list[str]:
    """The pieces between the blanks of a text, one more than there are blanks.

    Errors: UsageError for a text without a blank, or with nothing else
    """
    pieces = between_blanks(text.strip())
    if len(pieces) == 1:
        raise UsageError(f"text {number} has no blank: {text[:60]!r}\n{EXAMPLE}")
    if not any(piece.strip() for piece in pieces):
        raise UsageError(f"text {number} has nothing beside its blank to fill it from: {text[:60]!r}\n{EXAMPLE}")
    return pieces


def encoded_pieces(text: str, vocabulary: Vocabulary, number: int = 1) -> list[list[int]]:
    """The ids of these pieces. Errors: UsageError, also where the text's normal form leaves nothing of them"""
    pieces = [[int(i) for i in vocabulary.encode(piece)] for piece in blanks_of(text, number)]
    if not any(pieces):
        raise UsageError(f"nothing is left beside the blank of text {number} after normalisation: {text!r}")
    return pieces


def between_blanks(text: str) -> list[str]:
    """What stands before, between and after the blanks of a text; of given tokens, as given tokens."""
    if not isinstance(text, Tokenised):
        return BLANK.split(text)
    pieces: list[list[str]] = [[]]
    for token in text.tokens:
        if BLANK.fullmatch(token):
            pieces.append([])
        else:
            pieces[-1].append(token)
    return [Tokenised(piece) for piece in pieces]
