from __future__ import annotations

import numpy as np
import pytest

from recurra.data.batching.pairs import PairBatches
from recurra.errors import ShapeError, UsageError


def rows(count: int, seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.integers(1, 50, rng.integers(1, 30)) for _ in range(count)]


SOURCES, TARGETS = rows(300, 0), rows(300, 1)


def test_an_epoch_holds_every_pair_once_and_whole():
    seen = []
    for batch in PairBatches(SOURCES, TARGETS, 16, seed=1).epoch(0):
        for row, index in enumerate(batch.index):
            source, target = batch.source[row], batch.target[row]
            assert source[: batch.source_lengths[row]].tolist() == SOURCES[index].tolist()
            assert target[: batch.target_lengths[row]].tolist() == TARGETS[index].tolist()
            assert not source[batch.source_lengths[row] :].any()
            assert not target[batch.target_lengths[row] :].any()
            seen.append(int(index))
    assert sorted(seen) == list(range(300))


def test_batches_are_alike_in_tokens_not_in_rows():
    sizes = [(b.source.size + b.target.size, len(b.index)) for b in PairBatches(SOURCES, TARGETS, 16, seed=1).epoch(0)]
    mean = np.mean([len(s) + len(t) for s, t in zip(SOURCES, TARGETS, strict=True)])
    assert max(tokens for tokens, _ in sizes) <= 16 * mean
    assert len({count for _, count in sizes}) > 3


def test_seed_and_epoch_alone_decide_the_order():
    def order(seed: int, epoch: int) -> list[list[int]]:
        return [b.index.tolist() for b in PairBatches(SOURCES, TARGETS, 16, seed=seed).epoch(epoch)]

    assert order(1, 2) == order(1, 2)
    assert order(1, 2) != order(1, 3)
    assert order(1, 2) != order(2, 2)
    batches = PairBatches(SOURCES, TARGETS, 16, seed=1)
    assert batches.batches(2) == len(order(1, 2))


def test_without_shuffling_pairs_come_by_length():
    lengths = [n for b in PairBatches(SOURCES, TARGETS, 16, shuffle=False).epoch(0) for n in b.target_lengths]
    assert lengths == sorted(lengths)


def test_a_pair_longer_than_the_budget_is_a_batch_of_its_own():
    long = [np.ones(200, int), *[np.ones(2, int)] * 5]
    assert [len(b.index) for b in PairBatches(long, long, 1, shuffle=False).epoch(0)][-1] == 1


def test_what_cannot_be():
    with pytest.raises(UsageError, match="batch_size is at least 1"):
        PairBatches(SOURCES, TARGETS, 0)
    with pytest.raises(ShapeError, match="got 2 and 300"):
        PairBatches(SOURCES, TARGETS[:2], 1)
    with pytest.raises(ShapeError, match="pair 1 has an empty side"):
        PairBatches(SOURCES[:2], [TARGETS[0], np.zeros(0, int)], 1)
