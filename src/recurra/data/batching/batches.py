"""Encoded texts to batches: ragged ones by like length, streams by truncation length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.data.ragged import Ragged
from recurra.errors import DataError, ShapeError, UsageError

POOL_BATCHES = 50
"""Rows are sorted by length within pools of so many batches: enough to pad little, few enough to mix well."""

Int64 = npt.NDArray[np.int64]
Tokens = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Batch:
    """Rows of one batch.

    tokens: int64 [B, T], 0 past each row's end; lengths: int64 [B], at least 1; labels: int64 [B];
    index: int64 [B], where each row stands in the list that the batches were made from.
    """

    tokens: Int64
    lengths: Int64
    labels: Int64
    index: Int64

    def rows(self, rows: slice) -> Batch:
        """Some of them, padded to the longest one."""
        lengths = self.lengths[rows]
        return Batch(self.tokens[rows, : lengths.max()], lengths, self.labels[rows], self.index[rows])


def padded(rows: Sequence[Tokens]) -> tuple[Int64, Int64]:
    """Rows one below the other, 0 past each one's end, and their lengths. Shapes: B rows [T] -> int64 [B, T], [B]"""
    lengths = np.array(list(map(len, rows)), dtype=np.int64)
    tokens = np.zeros((len(rows), int(lengths.max())), dtype=np.int64)
    tokens[np.arange(tokens.shape[1]) < lengths[:, None]] = np.concatenate(rows)
    return tokens, lengths


class BucketedBatches:
    """Batches of labelled sequences of unequal length.

    encoded: N arrays of ids, none empty; labels: [N]. With `shuffle` an epoch holds every row once in an
    order that (seed, epoch) alone decides; rows of like length stand together and the batches are shuffled.
    Without it rows keep the order given, for evaluation. A batch has `batch_size` rows, or fewer if they would be more
    than `max_tokens` tokens when padded to the longest one: one row at least, however long. The last may be smaller.
    pool: of so many batches rows are sorted by length, with 1 every batch is drawn from all rows alike
    Errors: ShapeError for an empty sequence (names its index), for labels that are not as many, for a
    sequence that is not one-dimensional; UsageError for a batch size below 1.
    """

    def __init__(
        self,
        encoded: Sequence[Tokens],
        labels: npt.ArrayLike,
        batch_size: int,
        *,
        seed: int = 0,
        shuffle: bool = True,
        max_tokens: int | None = None,
        pool: int = POOL_BATCHES,
    ) -> None:
        for name, value in (("batch_size", batch_size), ("max_tokens", max_tokens), ("pool", pool)):
            if value is not None and value < 1:
                raise UsageError(f"{name} is at least 1, got {value}")
        self.batch_size, self.seed, self.shuffle, self.max_tokens = batch_size, seed, shuffle, max_tokens
        self.pool = pool
        self._encoded = encoded
        self._labels = np.asarray(labels, dtype=np.int64)
        if self._labels.shape != (len(encoded),):
            raise ShapeError(f"expected labels [{len(encoded)}], got {list(self._labels.shape)}")
        if isinstance(encoded, Ragged):
            self._lengths = encoded.lengths
            if len(encoded) and not self._lengths.all():
                raise ShapeError(f"sequence {int(self._lengths.argmin())} is empty, expected T at least 1")
            return
        for index, row in enumerate(encoded):
            if row.ndim != 1 or not len(row):
                raise ShapeError(f"sequence {index} has shape {list(row.shape)}, expected [T] with T at least 1")
        self._lengths = np.array([len(row) for row in encoded], dtype=np.int64)

    def __len__(self) -> int:
        """Batches of epoch 0, and of every epoch without max_tokens."""
        return self.steps(0)

    def steps(self, n: int) -> int:
        """Batches of epoch n, from 0."""
        return -(-len(self._encoded) // self.batch_size) if self.max_tokens is None else len(self.plan(n))

    def epoch(self, n: int) -> Iterator[Batch]:
        """The batches of epoch n, from 0."""
        for index in self.plan(n):
            tokens, lengths = self._padded(index)
            yield Batch(tokens, lengths, self._labels[index], index)

    def _padded(self, index: Int64) -> tuple[Int64, Int64]:
        if isinstance(self._encoded, Ragged):
            return self._encoded.padded(index)
        return padded([self._encoded[source] for source in index.tolist()])

    def plan(self, n: int) -> list[Int64]:
        """Which rows the batches of epoch n have, int64 [B] each."""
        size = self.batch_size
        if not self.shuffle:
            return self._cut(np.arange(len(self._encoded), dtype=np.int64))
        rng = np.random.default_rng([self.seed, n])
        order = rng.permutation(len(self._encoded)).astype(np.int64)
        batches = []
        for start in range(0, len(order), self.pool * size):
            pool = order[start : start + self.pool * size]
            batches += self._cut(pool[np.argsort(self._lengths[pool], kind="stable")])
        return [batches[position] for position in rng.permutation(len(batches))]

    def _cut(self, rows: Int64) -> list[Int64]:
        """Rows in their order, in batches of `batch_size` or of what `max_tokens` leaves room for."""
        if self.max_tokens is None:
            return [rows[start : start + self.batch_size] for start in range(0, len(rows), self.batch_size)]
        batches, start, lengths = [], 0, self._lengths[rows]
        while start < len(rows):
            longest = np.maximum.accumulate(lengths[start : start + self.batch_size])
            fits = longest * np.arange(1, len(longest) + 1) <= self.max_tokens
            count = max(1, int(np.count_nonzero(fits)))
            batches.append(rows[start : start + count])
            start += count
        return batches


class StreamBatches:
    """One long text as B parallel streams, cut into chunks of `steps`.

    tokens: [N], may be memory-mapped; only a chunk at a time is read. Row b of a chunk goes on where row b of
    the last chunk ended, so a state may be carried. The streams have equal length: up to B - 1 tokens at the
    very end are left out. B is `batch_size`, or less if the text is so short that a stream would have fewer
    than 2 tokens.
    Errors: DataError for fewer than 2 tokens, ShapeError if not one-dimensional, UsageError for sizes below
    1.
    """

    def __init__(self, tokens: Tokens, batch_size: int, steps: int) -> None:
        for name, value in (("batch_size", batch_size), ("steps", steps)):
            if value < 1:
                raise UsageError(f"{name} is at least 1, got {value}")
        if tokens.ndim != 1:
            raise ShapeError(f"expected tokens [N], got {list(tokens.shape)}")
        if len(tokens) < 2:
            raise DataError(f"a text of {len(tokens)} tokens has no next token to predict", remedy="give a longer text")
        self.steps = steps
        self.batch_size = min(batch_size, len(tokens) // 2)
        self._tokens = tokens

    def __len__(self) -> int:
        """Chunks of an epoch that starts at offset 0; one that starts later may have one fewer."""
        return -(-self._stream_length(0) // self.steps)

    def offset(self, n: int, seed: int | None = None) -> int:
        """Where epoch n starts: 0 without a seed and in epoch 0, else in [0, steps), decided by (seed, n)."""
        room = min(self.steps, len(self._tokens) - 2 * self.batch_size + 1)
        if seed is None or n == 0:
            return 0
        return int(np.random.default_rng([seed, n]).integers(0, room))

    def epoch(self, n: int, seed: int | None = None) -> Iterator[tuple[Int64, Int64]]:
        """(inputs, targets) of epoch n, both int64 [B, T]; T is `steps`, in the last chunk perhaps less."""
        start = self.offset(n, seed)
        length = self._stream_length(start)
        streams, stop = self.batch_size, start + self.batch_size * length
        inputs = self._tokens[start:stop].reshape(streams, length)
        targets = self._tokens[start + 1 : stop + 1].reshape(streams, length)
        for step in range(0, length, self.steps):
            chunk = slice(step, step + self.steps)
            yield inputs[:, chunk].astype(np.int64), targets[:, chunk].astype(np.int64)

    def _stream_length(self, offset: int) -> int:
        return (len(self._tokens) - 1 - offset) // self.batch_size
