"""Verse in a fixed form: what may be written next, so that every clause is as long as it is to be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recurra.data.tokens.vocabulary import Vocabulary
from recurra.errors import UsageError, quoted

MOST_CLAUSES, LONGEST_CLAUSE = 1_000, 100
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Form:
    """Clauses of so many letters, one sign after each; the last sign may be missing.

    clauses: letters of each; letters, signs: which tokens are one, bool [V + 1], the end token, V, neither
    """

    clauses: tuple[int, ...]
    letters: Bools
    signs: Bools

    @classmethod
    def of(cls, asked: str, vocabulary: Vocabulary) -> Form:
        """asked: "5,5,5,5". Errors: UsageError, also for a vocabulary that is not of characters"""
        if vocabulary.level != "char":
            raise UsageError(f"a form counts characters; this model's tokens are of the level {vocabulary.level}")
        parts = [part.strip() for part in asked.split(",")]
        if not all(part.isdecimal() for part in parts):
            raise UsageError(f"a form is the letters of each clause, as in 5,5,5,5; got {quoted(asked)}")
        if len(parts) > MOST_CLAUSES:
            raise UsageError(f"a form has at most {MOST_CLAUSES:,} clauses; got {len(parts):,}")
        if not all(len(part) < 4 and 1 <= int(part) <= LONGEST_CLAUSE for part in parts):
            raise UsageError(f"a clause has 1 to {LONGEST_CLAUSE} letters; got {quoted(asked)}")
        clauses = tuple(map(int, parts))
        tokens = [*vocabulary.tokens, ""]
        letters = np.array([_is_letter(token) for token in tokens])
        signs = np.array([len(token) == 1 and not _is_letter(token) for token in tokens])
        if not letters.any() or (len(clauses) > 1 and not signs.any()):
            raise UsageError("this model has no letters, or no signs to part clauses by")
        return cls(clauses, letters, signs)

    @property
    def tokens(self) -> int:
        """Of a text in this form at most, its end left out."""
        return sum(self.clauses) + len(self.clauses)

    def allowed(self, written: Sequence[int]) -> Bools:
        """What may follow some tokens, bool [V + 1]; nothing if they are not in this form already."""
        place, letters, signed = 0, 0, True
        for token in written:
            if self.letters[token]:
                place, letters = (place + 1, 1) if signed and letters else (place, letters + 1)
                signed = False
            elif signed or letters != self.clauses[place]:
                return np.zeros_like(self.letters)
            else:
                signed = True
            if place == len(self.clauses) or letters > self.clauses[place]:
                return np.zeros_like(self.letters)
        last, found = place == len(self.clauses) - 1, np.zeros_like(self.letters)
        if letters < self.clauses[place] or (signed and not last):
            return self.letters
        found[-1] = last
        return found if signed else found | self.signs


def _is_letter(token: str) -> bool:
    return len(token) == 1 and token.isalnum()
