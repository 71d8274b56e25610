"""Tokens to text and back, where what is read and what is written may be cut in different ways."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from recurra.data.tokens import segment
from recurra.data.tokens.given_tokens import Tokenised
from recurra.data.tokens.normalize import normalize
from recurra.data.tokens.scripts import close
from recurra.data.tokens.segment import SPACE
from recurra.data.tokens.vocabulary import Vocabulary

CLOSING = frozenset(".,;:!?%)]}»…")
"""Signs without a space before them."""
OPENING = frozenset("([{«$£€#")
"""Signs without a space after them."""
JOINING = frozenset("'’-/")
"""Signs without a space on either side."""


class Subwords(Protocol):
    """A vocabulary of sub-words, of whatever cuts them."""

    tokens: list[str]

    def pieces(self, text: str, /) -> list[str]: ...


def pieces(vocabulary: Vocabulary | Subwords, text: str) -> list[str]:
    """The tokens of a text as they stand there, known or not, one for each id of `encode`."""
    if not isinstance(vocabulary, Vocabulary):
        return vocabulary.pieces(text)
    if isinstance(text, Tokenised) and vocabulary.level == "word" and vocabulary.split != "words":
        return [normalize(token, vocabulary.normalize) for token in text.tokens]
    prepared = normalize(text, vocabulary.normalize)
    if vocabulary.level == "char":
        return list(prepared)
    if vocabulary.level == "word":
        return segment.words(prepared, vocabulary.split)
    return [vocabulary.decode([token]) for token in vocabulary.encode(text).tolist()]


def shown(piece: str) -> str:
    """A token for people: without the sign that stands for a space."""
    return piece.replace(SPACE, " ").strip() or piece.replace(SPACE, "␣")


def copies(
    tokens: Sequence[int], weights: npt.NDArray[np.floating[Any]] | None, read: Sequence[str | None]
) -> list[str | None]:
    """For each id that is unknown (0), the token that was looked at most.

    weights: where each token looked, None without attention; read: the tokens that could be looked at, None for an end
    Shapes: weights [T or more, S]
    """
    positions = [place for place, piece in enumerate(read) if piece is not None]
    if weights is None or not positions or 0 not in tokens:
        return [None] * len(tokens)
    return [read[positions[k]] for k in weights[: len(tokens), positions].argmax(-1).tolist()]


def detokenize(vocabulary: Vocabulary | Subwords, tokens: Sequence[int], copies: Sequence[str | None]) -> str:
    """The text of some ids, each unknown one replaced by its copy where there is one.

    copies: for each id, what stands in the source where the decoder looked, or None
    """
    if isinstance(vocabulary, Vocabulary) and vocabulary.level == "byte":
        return vocabulary.decode(list(tokens))
    found = [
        copy if not token and copy is not None else vocabulary.tokens[token]
        for token, copy in zip(tokens, copies, strict=True)
    ]
    if not isinstance(vocabulary, Vocabulary):
        return "".join(found).replace(SPACE, " ").strip()
    if vocabulary.level == "char":
        return "".join(found)
    if vocabulary.split == "chinese":
        return "".join(found)
    return segment.join(found) if vocabulary.split == "space" else join_words(found)


def join_words(words: Sequence[str]) -> str:
    """Words and signs as a text, with spaces where most languages write them, see `scripts.close` for Chinese."""
    text, open_quotes, glued = "", 0, True
    for word in words:
        sign = word == '"'
        closes = word in CLOSING or word in JOINING or (sign and open_quotes % 2 == 1)
        text += word if glued or closes or close(text, word) else f" {word}"
        glued = word in OPENING or word in JOINING or (sign and open_quotes % 2 == 0)
        open_quotes += sign
    return text
