"""Interpolated, modified Kneser-Ney n-grams: the strongest language model that only counts."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recurra.baselines.grams import Int64, Numbered, delay, find, number, pair
from recurra.errors import ShapeError

FALLBACK_DISCOUNT = 0.75
CHUNK = 1 << 20  # positions scored at once by nats_per_token, so that a long stream needs little memory

Float64 = NDArray[np.float64]
Discounts = tuple[float, float, float]


@dataclass(frozen=True)
class Level:
    """The n-grams of one length.

    Shapes:  keys int64 [G] as in baselines.grams; counts int64 [G] (occurrences at the highest order, left
             neighbours below it); gain float64 [G], the discounted share of the context's count;
             backoff float64 [P], what each context leaves to the shorter one, 1 if nothing is known to follow
    """

    keys: Int64
    counts: Int64
    discounts: Discounts
    gain: Float64
    backoff: Float64


@dataclass(frozen=True)
class KneserNey:
    """An n-gram language model with interpolated, modified Kneser-Ney smoothing.

    Maths:   p_n(w | c) = max(N(c w) - D(N), 0) / N(c) + backoff(c) * p_(n-1)(w | c without its first token);
             N counts occurrences at the highest order and different left neighbours below it (the start of
             the stream is a neighbour of its own); p_0 = 1 / V, so that every token, seen or not, has p > 0.
             D: three an order, for counts of 1, 2 and 3 or more, from the order's counts of counts n1..n4:
             Y = n1 / (n1 + 2 n2);  D1 = 1 - 2 Y n2 / n1;  D2 = 2 - 3 Y n3 / n2;  D3 = 3 - 4 Y n4 / n3.
             An order where one of n1..n4 is 0, or a discount is not between 0 and its count (too few
             different n-grams, as with the unigrams of a character text), uses 0.75 for all three
    Start:   the first tokens of a stream are predicted from the shorter contexts that they have
    Source:  Chen & Goodman 1998, "An Empirical Study of Smoothing Techniques for Language Modeling"
    """

    vocabulary_size: int
    levels: tuple[Level, ...]

    @classmethod
    def fit(
        cls,
        tokens: ArrayLike,
        vocabulary_size: int,
        order: int,
        *,
        discounts: Discounts | None = None,
    ) -> KneserNey:
        """Count a stream.

        Shapes:  tokens, whole numbers [N] (or a np.memmap of them), N >= 1, each in 0 .. vocabulary_size - 1;
                 order >= 1, the longest n; discounts: D1, D2, D3 of every order, if not estimated
        Errors:  ShapeError if tokens, vocabulary_size, order or discounts are not so
        """
        if order < 1:
            raise ShapeError(f"expected order >= 1, got {order}")
        if discounts is not None and not all(0 < d < k for k, d in enumerate(discounts, start=1)):
            raise ShapeError(f"expected discounts above 0 and below 1, 2, 3, got {discounts}")
        stream = _stream(tokens, vocabulary_size)
        if len(stream) == 0:
            raise ShapeError("expected at least one token to count, got [0]")
        numbered: list[Numbered] = []
        ids = np.zeros(len(stream), dtype=np.int64)  # the one empty context, found before every position
        for length in range(1, order + 1):
            parents = ids if length == 1 else delay(ids)
            numbered.append(number(pair(parents, stream, vocabulary_size)))
            ids = numbered[-1].ids
        levels = []
        parents_count = 1
        for k, grams in enumerate(numbered):
            counts = grams.counts if k == order - 1 else _left_neighbours(grams, numbered[k + 1], k)
            levels.append(_level(grams.keys, counts, vocabulary_size, parents_count, discounts))
            parents_count = len(grams.keys)
        return cls(vocabulary_size, tuple(levels))

    @property
    def order(self) -> int:
        """The n of the longest n-grams."""
        return len(self.levels)

    def log_prob(self, tokens: ArrayLike) -> Float64:
        """The natural logarithm of each token's probability after those before it. [N] -> float64 [N], nats.

        Errors:  ShapeError if tokens is not [N] whole numbers in 0 .. vocabulary_size - 1
        """
        stream = _stream(tokens, self.vocabulary_size)
        probability = np.full(len(stream), 1 / self.vocabulary_size)
        ids = np.zeros(len(stream), dtype=np.int64)
        for length, level in enumerate(self.levels, start=1):
            parents = ids if length == 1 else delay(ids)
            known = parents >= 0
            ids = find(level.keys, pair(parents, stream, self.vocabulary_size))
            probability[known] *= level.backoff[parents[known]]
            seen = ids >= 0
            probability[seen] += level.gain[ids[seen]]
        logarithms: Float64 = np.log(probability)
        return logarithms

    def nats_per_token(self, tokens: ArrayLike) -> float:
        """The mean of -log_prob over all tokens, the first ones too, in nats per token.

        Errors:  ShapeError if tokens is empty, or as log_prob
        """
        stream = tokens if isinstance(tokens, np.ndarray) else np.asarray(tokens)
        if stream.ndim != 1 or len(stream) == 0:
            raise ShapeError(f"expected at least one token [N] to score, got {list(stream.shape)}")
        total = 0.0
        for start in range(0, len(stream), CHUNK):
            context = min(start, self.order - 1)
            total -= float(self.log_prob(stream[start - context : start + CHUNK])[context:].sum())
        return total / len(stream)

    def distribution(self, context: ArrayLike) -> Float64:
        """The probability of every token after `context`, of which the last order - 1 tokens count.

        Shapes:  context [C], C >= 0 -> float64 [V], its sum is 1
        Errors:  ShapeError as log_prob
        """
        past = _stream(context, self.vocabulary_size)
        probability = np.full(self.vocabulary_size, 1 / self.vocabulary_size)
        for length, level in enumerate(self.levels[: len(past) + 1]):
            parent = self._find_gram(past[len(past) - length :])
            if parent < 0:
                break
            first = parent * self.vocabulary_size
            low, high = np.searchsorted(level.keys, [first, first + self.vocabulary_size])
            probability *= level.backoff[parent]
            probability[level.keys[low:high] - first] += level.gain[low:high]
        return probability

    def size_bytes(self) -> int:
        """Bytes of the model written compactly, measured by writing it with np.savez into memory.

        What is written is `compact()`: nothing that follows from the rest, in the smallest types.
        """
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **self.compact())
        return buffer.getbuffer().nbytes

    def compact(self) -> dict[str, NDArray[Any]]:
        """All that is needed to rebuild the model, as arrays in the smallest types that hold them.

        An order n has `tokens_n` and `counts_n` [G], the last token and the count of each n-gram in order of
        its key, `followers_n` [P], how many n-grams each context begins, and `discounts_n` [3]. Keys, gains
        and backoffs follow from them.
        """
        arrays: dict[str, NDArray[Any]] = {}
        for n, level in enumerate(self.levels, start=1):
            parents, tokens = np.divmod(level.keys, self.vocabulary_size)
            arrays[f"tokens_{n}"] = _smallest(tokens)
            arrays[f"counts_{n}"] = _smallest(level.counts)
            arrays[f"followers_{n}"] = _smallest(np.bincount(parents, minlength=len(level.backoff)))
            arrays[f"discounts_{n}"] = np.array(level.discounts)
        return arrays

    def _find_gram(self, gram: Int64) -> int:
        parent = 0
        for level, token in zip(self.levels, gram, strict=False):
            parent = int(find(level.keys, np.array([parent * self.vocabulary_size + token]))[0])
            if parent < 0:
                break
        return parent


def _left_neighbours(grams: Numbered, longer: Numbered, index: int) -> Int64:
    """How many different tokens stand before each n-gram of level `index`; the stream's start is one."""
    counts = np.bincount(grams.ids[longer.indices], minlength=len(grams.keys)).astype(np.int64)
    if len(grams.ids) > index:
        counts[grams.ids[index]] += 1
    return counts


def _level(keys: Int64, counts: Int64, vocabulary_size: int, parents_count: int, fixed: Discounts | None) -> Level:
    discounts = _discounts(counts) if fixed is None else fixed
    parents = keys // vocabulary_size
    totals = np.bincount(parents, weights=counts, minlength=parents_count)
    taken = np.array([0.0, *discounts])[np.minimum(counts, 3)]
    freed = np.bincount(parents, weights=taken, minlength=parents_count)
    backoff = np.divide(freed, totals, out=np.ones(parents_count), where=totals > 0)
    return Level(keys, counts, discounts, (counts - taken) / totals[parents], backoff)


def _discounts(counts: Int64) -> Discounts:
    n1, n2, n3, n4 = (int(n) for n in np.bincount(np.minimum(counts, 5), minlength=6)[1:5])
    fallback = (FALLBACK_DISCOUNT, FALLBACK_DISCOUNT, FALLBACK_DISCOUNT)
    if 0 in (n1, n2, n3, n4):
        return fallback
    y = n1 / (n1 + 2 * n2)
    estimates = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
    return estimates if all(0 < d < k for k, d in enumerate(estimates, start=1)) else fallback


def _stream(tokens: ArrayLike, vocabulary_size: int) -> Int64:
    stream = np.asarray(tokens)
    if vocabulary_size < 1:
        raise ShapeError(f"expected vocabulary_size >= 1, got {vocabulary_size}")
    if stream.shape == (0,):
        return np.zeros(0, dtype=np.int64)
    if stream.ndim != 1 or not np.issubdtype(stream.dtype, np.integer):
        raise ShapeError(f"expected tokens [N] of whole numbers, got {list(stream.shape)} of {stream.dtype}")
    low, high = int(stream.min()), int(stream.max())
    if low < 0 or high >= vocabulary_size:
        raise ShapeError(f"expected tokens in 0 .. {vocabulary_size - 1}, got {low} .. {high}")
    return stream.astype(np.int64)


def _smallest(values: Int64) -> NDArray[Any]:
    return values.astype(np.min_scalar_type(int(values.max(initial=0))))
