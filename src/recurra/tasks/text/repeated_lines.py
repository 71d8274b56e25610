"""Lines of the held-out parts of a running text that the training part has too: they are predicted from memory."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from recurra.data import share
from recurra.data.corpus.mapped import Corpus, Ids
from recurra.data.splits import PARTS

log = logging.getLogger("recurra.data")

Keys = npt.NDArray[np.uint64]
Int64 = npt.NDArray[np.int64]
BLOCK = 1 << 20
"""Tokens that are gone through at a time, a longer line as a whole."""
WORTH_KEEPING = 1 << 24
"""Tokens of a text that takes a second to be gone through."""


FACTOR = 0x9E3779B97F4A7C15
"""Of the keys; odd, so that it has an inverse."""
KEPT = "repeated_lines.json"
"""Beside a corpus on disk: what was found once, with the lengths of the parts that it was found in."""


def repeated_lines(corpus: Corpus) -> list[str]:
    """A sentence for each held-out part that has such lines, compared as ids, as the network reads them.

    Blank lines are left aside. A text without line ends has no lines to compare. Of a corpus on disk it is found once.
    """
    lengths = [len(getattr(corpus, name)) for name in PARTS]
    place = corpus.train.filename if isinstance(corpus.train, np.memmap) else None
    kept = None if place is None else Path(place).with_name(KEPT)
    if kept is not None and kept.is_file() and (before := _kept(kept, lengths)) is not None:
        return before
    notes = _found(corpus)
    if kept is not None and sum(lengths) >= WORTH_KEEPING and os.access(kept.parent, os.W_OK):
        temporary = kept.with_name(f"{KEPT}.{os.getpid()}")
        temporary.write_text(json.dumps({"lengths": lengths, "notes": notes}), encoding="utf-8")
        temporary.replace(kept)
    return notes


def _kept(path: Path, lengths: list[int]) -> list[str] | None:
    """What was found in parts of these lengths; None if that is not there, or damaged, which is said."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        there, notes = found["lengths"], found["notes"]
        if not (isinstance(notes, list) and all(isinstance(note, str) for note in notes)):
            raise TypeError("notes are texts")
    except (OSError, ValueError, KeyError, TypeError):
        log.warning("the cached file %s is damaged; it is made again", path)
        return None
    return notes if there == lengths else None


def _found(corpus: Corpus) -> list[str]:
    end = corpus.vocabulary.encode("\n")
    if len(end) != 1 or end[0] == corpus.vocabulary.UNKNOWN:
        return []
    signs = np.random.default_rng(0).integers(1, 1 << 63, len(corpus.vocabulary), dtype=np.uint64)
    signs[end[0]] = 0
    parts: dict[str, tuple[Keys, Int64, Int64, npt.NDArray[np.bool_]]] = {}
    for name, ids in (("validation", corpus.validation), ("test", corpus.test)):
        found = list(_lines(ids, int(end[0]), signs))
        if found:
            different, lines = np.unique(np.concatenate([of for of, _ in found]), return_inverse=True)
            sizes = np.concatenate([of for _, of in found])
            parts[name] = different, lines.astype(np.int64), sizes, np.zeros(len(different), dtype=np.bool_)
    if not parts:
        return []
    with share.stage(0, 1, len(corpus.train)):
        for trained, _ in _lines(corpus.train, int(end[0]), signs):  # each looked up once: N log N, not N squared
            for different, _, _, there in parts.values():
                rank = np.minimum(np.searchsorted(different, trained), len(different) - 1)
                there[rank[different[rank] == trained]] = True
    notes = []
    for name, (_, of_line, sizes, there) in parts.items():
        again = there[of_line]
        if again.any():
            notes.append(
                f"lines of the {name} part that stand in the training part too: {int(again.sum()):,} of "
                f"{len(again):,}, {sizes[again].sum() / len(getattr(corpus, name)):.1%} of its tokens"
            )
    return notes


def _blocks(ids: Ids, end: int) -> Iterator[Ids]:
    """The ids from line end to line end, about BLOCK of them at a time."""
    start = 0
    while start < len(ids):
        looked = start
        while True:
            stop = min(looked + BLOCK, len(ids))
            ends = np.flatnonzero(np.asarray(ids[looked:stop]) == end)
            if len(ends) and stop < len(ids):
                stop = looked + int(ends[-1]) + 1
            if len(ends) or stop == len(ids):
                break
            looked = stop
        yield np.asarray(ids[start:stop])
        share.add(stop - start)
        start = stop


def _lines(ids: Ids, end: int, signs: Keys) -> Iterator[tuple[Keys, npt.NDArray[np.int64]]]:
    """A key of 64 bits for each line that is not blank, and its tokens: those of a block at a time.

    The key is a polynomial of the tokens' signs, in which a line's place in its block is divided out: two different
    lines have the same one by a chance of about 2**-60. signs: of the line's end 0, which is no part of a line
    """
    powers = inverse = np.zeros(0, dtype=np.uint64)
    for some in _blocks(ids, end):
        ends = np.append(np.flatnonzero(some == end), len(some)).astype(np.int64)
        starts = np.concatenate([[0], ends[:-1] + 1]).astype(np.int64)
        full = ends > starts
        starts, ends = starts[full], ends[full]
        if not len(starts):
            continue
        begin, block = starts - starts[0], some[starts[0] : ends[-1]]
        if len(powers) < len(block):
            powers, inverse = (_powers(factor, len(block)) for factor in (FACTOR, pow(FACTOR, -1, 1 << 64)))
        values = signs.take(block)
        values *= powers[: len(block)]
        yield np.add.reduceat(values, begin) * inverse[begin], ends - starts


def _powers(factor: int, count: int) -> Keys:
    found: Keys = np.cumprod(np.full(count, factor, dtype=np.uint64), dtype=np.uint64)
    return found
