"""Which n-grams the linear classifier reads: numbers alone, so that what runs without torch reads the same."""

from __future__ import annotations

from recurra.data.tokens.vocabulary import Level

ORDERS: dict[Level, tuple[int, ...]] = {"word": (1, 2), "char": (1, 2, 3, 4), "byte": (1, 2, 3, 4, 5, 6)}
"""Tokens in a row that count as one feature."""
SPELLING = (3, 4, 5)
"""Characters in a row that count as one, where words are read by the skip with their spelling."""
