"""A few clauses of a text in place of all of it, other ones in each epoch."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from recurra.data.tokens.segment import END_OF_LINE

MOST_CLAUSES = 3
SHORTEST = 4
"""Tokens of a crop; where it would be shorter the text stays whole."""

Int64 = npt.NDArray[np.int64]


def ends_clause(tokens: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Which tokens of a vocabulary end a clause: signs and white space, and the line's end. bool [V]

    The first token, which stands for unknown ones, ends none.
    """
    found = [token == END_OF_LINE or all(unicodedata.category(c)[0] in "PZC" for c in token) for token in tokens]
    return np.array([False, *found[1:]])


class Crops:
    """Texts of which a share is cut down to 1 to MOST_CLAUSES clauses that stand next to each other.

    In a long text many words tell the class, and a reader of the whole need not learn what each clause says. Cut down,
    it must, and learns from more texts of the length that people ask about.

    encoded: N arrays of ids; ends: bool [V], which ids end a clause; share: chance of each text, in each epoch, to be
    cut down. What epoch n holds is decided by (seed, n) alone.
    """

    def __init__(self, encoded: Sequence[Int64], ends: npt.NDArray[np.bool_], share: float, *, seed: int = 0) -> None:
        self._encoded, self._share, self._seed = encoded, share, seed
        self._edges = [_edges(ends[row]) for row in encoded]

    def epoch(self, n: int) -> list[Int64]:
        """The texts of epoch n, from 0, in their order."""
        return [row[span] for row, span in zip(self._encoded, self.spans(n), strict=True)]

    def spans(self, n: int) -> list[slice]:
        """Which tokens of each text epoch n holds."""
        rng = np.random.default_rng([self._seed, n])
        drawn = rng.random((len(self._encoded), 3))
        return [
            _span(edges, *chances[1:]) if chances[0] < self._share else slice(None)
            for edges, chances in zip(self._edges, drawn.tolist(), strict=True)
        ]


def _span(edges: Int64, size: float, place: float) -> slice:
    """size, place: from 0 to below 1, how many clauses and from which on."""
    clauses = len(edges) - 1
    count = 1 + int(MOST_CLAUSES * size)
    if count >= clauses:
        return slice(None)
    first = int((clauses - count + 1) * place)
    start, end = int(edges[first]), int(edges[first + count])
    return slice(start, end) if end - start >= SHORTEST else slice(None)


def _edges(ends: npt.NDArray[np.bool_]) -> Int64:
    """Where clauses begin, and the text's end: a run of signs belongs to the clause before it."""
    last = np.flatnonzero(ends[:-1] & ~ends[1:]) + 1
    return np.array([0, *last.tolist(), len(ends)], dtype=np.int64)
