"""Encoded sentence pairs to batches of about as many tokens each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from recurra.data.batching.batches import POOL_BATCHES, Int64, padded
from recurra.data.ragged import lengths_of
from recurra.errors import ShapeError, UsageError


@dataclass(frozen=True)
class PairBatch:
    """Pairs of one batch.

    source: int64 [B, S], target: int64 [B, T], 0 past each row's end; their lengths int64 [B], at least 1;
    index: int64 [B], where each row stands in the lists that the batches were made from
    """

    source: Int64
    source_lengths: Int64
    target: Int64
    target_lengths: Int64
    index: Int64

    def rows(self, rows: slice) -> PairBatch:
        """Some of them, padded to the longest ones."""
        sources, targets = self.source_lengths[rows], self.target_lengths[rows]
        source, target = self.source[rows, : sources.max()], self.target[rows, : targets.max()]
        return PairBatch(source, sources, target, targets, self.index[rows])


class PairBatches:
    """Batches of sentence pairs.

    batch_size: pairs of mean length that fill a batch: of short ones it holds more, of long ones fewer, so that padded
    tokens, and with them time and memory, are alike. With `shuffle` an epoch holds every pair once in an order that
    (seed, epoch) alone decides, pairs of like length together, the batches shuffled; without it pairs come by length.
    Errors: ShapeError for an empty sequence or lists of different length; UsageError for a batch size below 1
    """

    def __init__(
        self,
        sources: Sequence[Int64],
        targets: Sequence[Int64],
        batch_size: int,
        *,
        seed: int = 0,
        shuffle: bool = True,
    ) -> None:
        if batch_size < 1:
            raise UsageError(f"batch_size is at least 1, got {batch_size}")
        if len(sources) != len(targets):
            raise ShapeError(f"expected as many targets as sources, got {len(targets)} and {len(sources)}")
        self._sources, self._targets, self.seed, self.shuffle = sources, targets, seed, shuffle
        self._lengths = np.stack([lengths_of(side) for side in (sources, targets)], 1)
        if len(sources) and not self._lengths.all():
            raise ShapeError(f"pair {int(np.argmin(self._lengths.min(1)))} has an empty side")
        self.batch_size = batch_size
        self._budget = batch_size * max(1.0, float(self._lengths.sum(1).mean())) if len(sources) else 1.0
        self._planned: tuple[int, list[Int64]] | None = None

    def __len__(self) -> int:
        """Pairs."""
        return len(self._sources)

    def batches(self, n: int) -> int:
        """Batches of epoch n."""
        return len(self._plan(n))

    def epoch(self, n: int) -> Iterator[PairBatch]:
        """The batches of epoch n, from 0."""
        for index in self._plan(n):
            source, target = (padded([rows[i] for i in index.tolist()])[0] for rows in (self._sources, self._targets))
            lengths = self._lengths[index].astype(np.int64)
            yield PairBatch(source, lengths[:, 0].copy(), target, lengths[:, 1].copy(), index)

    def _plan(self, n: int) -> list[Int64]:
        if self._planned is None or self._planned[0] != n:
            self._planned = (n, self._make(n))
        return self._planned[1]

    def _make(self, n: int) -> list[Int64]:
        count = len(self._sources)
        if not self.shuffle:
            return self._cut(self._by_length(np.arange(count)))
        rng = np.random.default_rng([self.seed, n])
        order = rng.permutation(count)
        pool = POOL_BATCHES * self.batch_size
        batches = [
            b for start in range(0, count, pool) for b in self._cut(self._by_length(order[start : start + pool]))
        ]
        return [batches[position] for position in rng.permutation(len(batches))]

    def _by_length(self, index: Int64) -> Int64:
        """By the target's length, among equals by the source's."""
        lengths = self._lengths[index]
        return np.asarray(index[np.lexsort((lengths[:, 0], lengths[:, 1]))], dtype=np.int64)

    def _cut(self, index: Int64) -> list[Int64]:
        """Neighbours until their padded tokens reach the budget, one pair at least."""
        batches, start, lengths = [], 0, self._lengths[index]
        while start < len(index):
            most = max(1, int(self._budget / lengths[start].sum()))  # no more than so many fit
            longest = np.maximum.accumulate(lengths[start : start + most]).sum(1)
            fits = longest * np.arange(1, len(longest) + 1) <= self._budget
            count = max(1, int(np.count_nonzero(fits)))
            batches.append(index[start : start + count])
            start += count
        return batches
