"""The same words in other pieces, anew in every epoch, so that a network learns what pieces are made of."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from recurra.data.tokens.segment import SPACE
from recurra.data.tokens.subwords import Subwords
from recurra.errors import UsageError

Ids = npt.NDArray[np.int64]
VARIANTS = 16
"""Of a word, at most, drawn when they are first met."""


class PieceDropout:
    """Texts under sub-words some of whose merges are left out by chance.

    Every word is joined from its characters again, and at each step each pair that could be joined is passed over with
    probability `share`: the usual pieces for 0. What epoch n holds is decided by (seed, n) alone, of a word one of
    VARIANTS that the seed alone decides. Ids beyond the vocabulary, such as an end, stay where they are.
    Errors: UsageError for a share that is not from 0 to below 1
    Source: Provilkov et al. 2020, BPE-dropout: simple and effective subword regularization
    """

    def __init__(self, vocabulary: Subwords, share: float, *, seed: int = 0) -> None:
        if not 0 <= share < 1:
            raise UsageError(f"a share of merges to leave out is from 0 to below 1, got {share}")
        self._share, self._seed = share, seed
        numbers = {token: index for index, token in enumerate(vocabulary.tokens)}
        self._first = np.array([token.startswith(SPACE) for token in vocabulary.tokens])
        self._letters = [[numbers.get(c, 0) for c in t] if i else [0] for i, t in enumerate(vocabulary.tokens)]
        self._merges = {
            (numbers[a], numbers[b]): (rank, numbers[a + b]) for rank, (a, b) in enumerate(vocabulary.merges())
        }
        self._drawn: dict[tuple[tuple[int, ...], int], list[int]] = {}

    def epoch(self, rows: Sequence[Ids], n: int, side: int = 0) -> list[Ids]:
        """The texts as epoch n, from 0, has them. side: another one draws other numbers"""
        rng = np.random.default_rng([self._seed, n, side])
        return [self._row(row, rng) for row in rows]

    def _row(self, row: Ids, rng: np.random.Generator) -> Ids:
        inside = row < len(self._first)
        begins = np.flatnonzero(np.where(inside, self._first[np.where(inside, row, 0)], True))
        edges = [0, *(begins[begins > 0].tolist()), len(row)]
        ids, found = row.tolist(), list[int]()
        for start, stop, variant in zip(edges, edges[1:], rng.integers(VARIANTS, size=len(edges) - 1), strict=False):
            word = tuple(ids[start:stop])
            found += word if word[0] >= len(self._first) else self._word(word, int(variant))
        return np.array(found, dtype=np.int64)

    def _word(self, word: tuple[int, ...], variant: int) -> list[int]:
        made = self._drawn.get((word, variant))
        if made is None:
            chance = random.Random(f"{self._seed} {variant} {word}")
            made = self._drawn[word, variant] = self._joined(
                [c for piece in word for c in self._letters[piece]], chance
            )
        return made

    def _joined(self, pieces: list[int], chance: random.Random) -> list[int]:
        """The pieces of some characters: the first merge of those not passed over, again and again."""
        merges, share = self._merges, self._share
        while True:
            there = [(*merges[pair], i) for i, pair in enumerate(itertools.pairwise(pieces)) if pair in merges]
            if share:
                there = [one for one in there if chance.random() >= share]
            if not there:
                return pieces
            _, joined, place = min(there)
            pieces[place : place + 2] = [joined]
