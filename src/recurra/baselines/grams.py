"""Numbering the n-grams of a stream, level by level.

An n-gram is the pair (number of its first n - 1 tokens, last token). As one whole number, its key,
parent * vocabulary_size + token, it stays far below 2**63 for any n; token_1 * V**(n-1) + ... would overflow.
A level is the sorted array of its keys; a key's place in it is the n-gram's number. -1 means "not there".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Int64 = NDArray[np.int64]


@dataclass(frozen=True)
class Numbered:
    """One level of the n-grams of a stream.

    Shapes:  keys int64 [G], sorted, different; counts int64 [G], how often each occurs; indices int64 [G],
             where in the stream each first ends; ids int64 [N], the n-gram that ends at each position, or -1
    """

    keys: Int64
    counts: Int64
    indices: Int64
    ids: Int64


def pair(parents: Int64, tokens: Int64, vocabulary_size: int) -> Int64:
    """The key of each n-gram, -1 where its parent or its token is -1. int64 [N], int64 [N] -> int64 [N]."""
    return np.where((parents < 0) | (tokens < 0), -1, parents * vocabulary_size + tokens)


def number(keys: Int64) -> Numbered:
    """Number the n-grams of a stream from the key at each position (-1: none ends there). keys int64 [N]."""
    here = np.flatnonzero(keys >= 0)
    different, first, inverse, counts = np.unique(
        keys[here], return_index=True, return_inverse=True, return_counts=True
    )
    ids = np.full(len(keys), -1, dtype=np.int64)
    ids[here] = inverse
    return Numbered(different, counts.astype(np.int64), here[first], ids)


def find(keys: Int64, wanted: Int64) -> Int64:
    """The number of each wanted key in the sorted ones, or -1. int64 [G], int64 [N] -> int64 [N]."""
    if len(keys) == 0:
        return np.full(len(wanted), -1, dtype=np.int64)
    indices = np.searchsorted(keys, wanted)
    indices[indices == len(keys)] = 0
    return np.where(keys[indices] == wanted, indices, -1)


def delay(ids: Int64) -> Int64:
    """What stood at the position before: -1, ids[0], ids[1], ... int64 [N] -> int64 [N]."""
    return np.concatenate([np.full(min(1, len(ids)), -1, dtype=np.int64), ids[:-1]])
