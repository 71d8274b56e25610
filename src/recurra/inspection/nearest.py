"""Which words stand near a word among vectors."""

from __future__ import annotations

import difflib
import heapq
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from recurra.data.tokens.normalize import normalize
from recurra.data.vectors.file import VectorFile
from recurra.errors import UsageError
from recurra.tasks.word_vectors.table import WordVectors

SPELLINGS = 5
"""Shown for a word that there is not."""
ALIKE = 0.6
"""How alike they must be, from 0 to 1, see difflib."""
BLOCK = 1 << 12
"""Vectors of a file that are compared at a time."""

Neighbour = tuple[str, float]
"""A token and the cosine of the angle between the vectors, from -1 to 1."""


def nearest(vectors: WordVectors, word: str, *, top: int = 10) -> list[Neighbour]:
    """The tokens whose vectors have the smallest angle to that of the word, nearest first.

    Errors: UsageError for a word that has no vector, with those spelt like it; for a vector of zeros
    """
    check_top(top)
    wanted = normalize(word, vectors.normalize)
    if wanted not in vectors.tokens:
        raise _unknown(word, vectors.tokens, "the model")
    place = vectors.tokens.index(wanted)
    cosines = _cosines(vectors.rows, vectors.rows[place], word)
    cosines[place] = -np.inf
    count = min(top, len(cosines) - 1)
    best = np.argsort(-cosines, kind="stable")[:count]
    return [(vectors.tokens[i], float(cosines[i])) for i in best.tolist()]


def nearest_in_file(path: Path, word: str, *, top: int = 10, encoding: str = "utf-8") -> list[Neighbour]:
    """As `nearest`, of a file of word vectors, which is read twice and never held in memory.

    Errors: DataError with file and line; UsageError for a word that it does not have
    """
    check_top(top)
    file = VectorFile(path, encoding)
    own, spellings = None, _Spellings(word)
    for line, written, numbers in file.rows():
        token = file.token(written)
        if token == word:
            own = file.vector(line, numbers)
            break
        if token:
            spellings.see(token)
    if own is None:
        raise _unknown(word, spellings.found, str(path))
    best: list[tuple[float, int, str]] = []
    block: list[tuple[str, npt.NDArray[np.float32]]] = []
    for number, (line, written, numbers) in enumerate(file.rows()):
        token = file.token(written)
        if token and token != word:
            block.append((token, file.vector(line, numbers)))
        if len(block) == BLOCK:
            best, block = _better(best, block, own, word, top, number), []
    best = _better(best, block, own, word, top, 1 << 62)
    return [(token, cosine) for cosine, _, token in sorted(best, reverse=True)]


def check_top(top: int) -> None:
    """Errors: UsageError for fewer than one"""
    if top < 1:
        raise UsageError(f"top must be a whole number from 1, got {top}")


def _better(
    best: list[tuple[float, int, str]],
    block: list[tuple[str, npt.NDArray[np.float32]]],
    own: npt.NDArray[np.float32],
    word: str,
    top: int,
    number: int,
) -> list[tuple[float, int, str]]:
    """The best of those so far and a block; of equals the one that was met first."""
    if not block:
        return best
    cosines = _cosines(np.stack([row for _, row in block]), own, word).tolist()
    met = [(cosine, -(number + i), token) for i, (cosine, (token, _)) in enumerate(zip(cosines, block, strict=True))]
    return heapq.nlargest(top, [*best, *met])


def _cosines(rows: npt.NDArray[np.float32], own: npt.NDArray[np.float32], word: str) -> npt.NDArray[np.float64]:
    """Of the angle between each row and one vector; 0 for a row of zeros. Shapes: [V, E], [E] -> [V]"""
    size = float(np.linalg.norm(own.astype(np.float64)))
    if size == 0:
        raise UsageError(f"the vector of {word!r} is all zeros, which stands near nothing")
    sizes = np.linalg.norm(rows, axis=1).astype(np.float64)
    found: npt.NDArray[np.float64] = (rows @ own) / np.maximum(sizes * size, 1e-30)
    return found


class _Spellings:
    """Of tokens that pass by, those that might be meant: as long as the word but for a few letters, alike in some."""

    def __init__(self, word: str) -> None:
        self.word, self.found = word, list[str]()

    def see(self, token: str) -> None:
        few = max(1, len(self.word) // 3)
        if abs(len(token) - len(self.word)) <= few and len(set(self.word.lower()) ^ set(token.lower())) <= 2 * few:
            self.found.append(token)


def _unknown(word: str, tokens: Iterable[str], where: str) -> UsageError:
    spellings = _Spellings(word)
    for token in tokens:
        spellings.see(token)
    folded = {token.lower(): token for token in reversed(spellings.found)}
    near = difflib.get_close_matches(word.lower(), folded, n=SPELLINGS, cutoff=ALIKE)
    shown = ", ".join(repr(folded[token]) for token in near)
    return UsageError(
        f"{where} has no word {word!r}; " + (f"spelt like it: {shown}" if near else "nor one spelt like it")
    )
