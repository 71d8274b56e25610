"""Lines of the held-out parts of a running text that the training part has too: they are predicted from memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from recurra.data.corpus.mapped import Corpus, Ids

Keys = npt.NDArray[np.uint64]
BLOCK = 1 << 20
"""Tokens that are gone through at a time, a longer line as a whole."""


def repeated_lines(corpus: Corpus) -> list[str]:
    """A sentence for each held-out part that has such lines, compared as ids, as the network reads them.

    Blank lines are left aside. A text without line ends has no lines to compare.
    """
    end = corpus.vocabulary.encode("\n")
    if len(end) != 1 or end[0] == corpus.vocabulary.UNKNOWN:
        return []
    signs = np.random.default_rng(0).integers(1, 1 << 63, len(corpus.vocabulary), dtype=np.uint64)
    notes = []
    for name, ids in (("validation", corpus.validation), ("test", corpus.test)):
        found = list(_lines(ids, int(end[0]), signs))
        keys = np.concatenate([of for of, _ in found]) if found else np.zeros(0, np.uint64)
        if not len(keys):
            continue
        sizes = np.concatenate([of for _, of in found])
        different, of_line = np.unique(keys, return_inverse=True)
        there = np.zeros(len(different), dtype=bool)
        for trained, _ in _lines(corpus.train, int(end[0]), signs):  # each looked up once: N log N, not N squared
            place = np.minimum(np.searchsorted(different, trained), len(different) - 1)
            there[place[different[place] == trained]] = True
        again = there[of_line]
        if again.any():
            notes.append(
                f"lines of the {name} part that stand in the training part too: {int(again.sum()):,} of {len(keys):,}, "
                f"{sizes[again].sum() / len(ids):.1%} of its tokens"
            )
    return notes


def _lines(ids: Ids, end: int, signs: Keys) -> Iterator[tuple[Keys, npt.NDArray[np.int64]]]:
    """A key of 64 bits for each line that is not blank, and its tokens: those of a block at a time.

    The key is a polynomial of the tokens' signs: two different lines have the same one by a chance of about 2**-60.
    """
    ends = np.append(np.flatnonzero(ids == end), len(ids)).astype(np.int64)
    starts = np.concatenate([[0], ends[:-1] + 1]).astype(np.int64)
    full = ends > starts
    starts, ends = starts[full], ends[full]
    first = 0
    while first < len(starts):
        last = max(first + 1, int(np.searchsorted(ends, starts[first] + BLOCK, side="right")))
        begin, sizes = starts[first:last] - starts[first], ends[first:last] - starts[first:last]
        block = np.asarray(ids[starts[first] : ends[last - 1]]).astype(np.int64)
        powers = np.cumprod(np.full(int(sizes.max()) + 1, 0x9E3779B97F4A7C15, dtype=np.uint64))
        place = np.arange(len(block)) - np.repeat(begin, np.diff(np.append(begin, len(block))))
        # what stands between two lines, their line ends, is no part of either
        inside = place < np.repeat(sizes, np.diff(np.append(begin, len(block))))
        values = np.where(inside, signs[block] * powers[np.minimum(place, len(powers) - 1)], np.uint64(0))
        yield np.add.reduceat(values, begin), sizes
        first = last
