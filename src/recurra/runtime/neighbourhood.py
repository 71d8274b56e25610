"""What stands around each token of one sentence, as keys of features: see topologies.neighbourhood."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recurra.runtime.ngrams import FACTOR, mixed
from recurra.runtime.weights import Ints

AFFIXES = 4
AROUND = 2
NOTHING = 0


def neighbourhood(words: Ints, letters: Sequence[Ints] | None) -> list[Ints]:
    """The keys of each token's features. words [T]: ids; letters: of each token, None where they are not read"""
    edge, steps = mixed(np.ones(1, np.int64)), len(words)
    padded = _between(mixed(words + 2), edge, AROUND)
    at = {place: padded[AROUND + place : AROUND + place + steps] for place in range(-AROUND, AROUND + 1)}
    parts = [*at.values()]
    parts += [_joined(at[place], at[place + 1]) for place in range(-AROUND, AROUND)]
    parts += [_joined(at[-1], at[1]), _joined(_joined(at[-1], at[0]), at[1])]
    if letters is not None:
        spelt = np.array([_key(each) for each in letters])
        beside = _between(spelt, edge, 1)
        parts += [spelt, beside[:-2], beside[2:]]
        sizes = range(1, AFFIXES + 1)
        begins, finishes = (
            [np.array([_key(each[:n]) if len(each) >= n else NOTHING for each in rows], np.int64) for n in sizes]
            for rows in (letters, [each[::-1] for each in letters])
        )
        end = finishes[AFFIXES - 2]
        after = _between(end, edge, 1)
        parts += [*begins, *finishes, after[:-2], after[2:], _joined(after[:-2], end)]
    numbered = [np.where(part == NOTHING, part, _joined(part, np.int64(n))) for n, part in enumerate(parts)]
    return [row[row != NOTHING] for row in np.stack(numbered, 1)]


def _between(keys: Ints, edge: Ints, count: int) -> Ints:
    edges = np.repeat(edge, count)
    return np.concatenate([edges, keys, edges])


def _key(letters: Ints) -> np.int64:
    """Of letters, one after the other."""
    found = np.zeros(1, np.int64)
    for letter in letters:
        found = _joined(found, letter + 2)
    return np.int64(found[0])


def _joined(keys: Ints, others: Ints | np.int64) -> Ints:
    """The key of a pair."""
    with np.errstate(over="ignore"):
        return mixed(keys * FACTOR + others)
