from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.data.batching.batches import Batch, BucketedBatches, StreamBatches
from recurra.data.ragged import Ragged
from recurra.errors import DataError, ShapeError, UsageError

LENGTHS = st.lists(st.integers(1, 30), max_size=80)


def _rows(lengths: list[int]) -> list[np.ndarray]:
    return [np.full(length, number + 1, dtype=np.int64) for number, length in enumerate(lengths)]


def _equal(a: Batch, b: Batch) -> bool:
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in ("tokens", "lengths", "labels", "index"))


@given(LENGTHS, st.integers(1, 9), st.booleans(), st.integers(0, 3))
def test_an_epoch_holds_every_row_once_and_whole(lengths: list[int], size: int, shuffle: bool, epoch: int) -> None:
    rows = _rows(lengths)
    batches = BucketedBatches(rows, np.arange(len(rows)) * 10, size, seed=3, shuffle=shuffle)
    drawn = list(batches.epoch(epoch))
    assert len(drawn) == len(batches)
    seen = [int(i) for batch in drawn for i in batch.index]
    assert sorted(seen) == list(range(len(rows)))
    if not shuffle:
        assert seen == sorted(seen)
    for batch in drawn:
        assert {array.dtype for array in (batch.tokens, batch.lengths, batch.labels, batch.index)} == {
            np.dtype("int64")
        }
        assert batch.tokens.shape == (len(batch.index), batch.lengths.max())
        assert batch.labels.tolist() == (batch.index * 10).tolist()
        for row, length, source in zip(batch.tokens, batch.lengths, batch.index, strict=True):
            assert row[:length].tolist() == rows[source].tolist()
            assert not row[length:].any()


@given(LENGTHS, st.integers(1, 9), st.integers(1, 60), st.booleans(), st.integers(0, 3))
def test_a_batch_holds_no_more_tokens_than_there_is_room_for(
    lengths: list[int], size: int, most: int, shuffle: bool, epoch: int
) -> None:
    rows = _rows(lengths)
    batches = BucketedBatches(rows, np.zeros(len(rows)), size, seed=3, shuffle=shuffle, max_tokens=most)
    drawn = list(batches.epoch(epoch))
    assert len(drawn) == batches.steps(epoch)
    assert len(batches) == batches.steps(0)
    seen = [int(i) for batch in drawn for i in batch.index]
    assert sorted(seen) == list(range(len(rows)))
    if not shuffle:
        assert seen == sorted(seen)
    for batch in drawn:
        assert len(batch.index) <= size
        assert batch.tokens.size <= most or len(batch.index) == 1


def test_room_is_used_up() -> None:
    batches = BucketedBatches(_rows([2, 2, 2, 2, 5, 9, 1]), np.zeros(7), 3, shuffle=False, max_tokens=10)
    assert [batch.index.tolist() for batch in batches.epoch(0)] == [[0, 1, 2], [3, 4], [5], [6]]
    wide = BucketedBatches(_rows([2] * 7), np.zeros(7), 3, seed=1, max_tokens=6)
    free = BucketedBatches(_rows([2] * 7), np.zeros(7), 3, seed=1)
    assert all(_equal(a, b) for a, b in zip(wide.epoch(2), free.epoch(2), strict=True))


def test_an_epoch_is_decided_by_seed_and_number() -> None:
    rows = _rows(list(range(1, 200)))
    first = BucketedBatches(rows, np.zeros(199), 8, seed=1)
    again = BucketedBatches(rows, np.zeros(199), 8, seed=1)
    other = BucketedBatches(rows, np.zeros(199), 8, seed=2)
    assert all(_equal(a, b) for a, b in zip(first.epoch(4), again.epoch(4), strict=True))
    assert not all(_equal(a, b) for a, b in zip(first.epoch(4), first.epoch(5), strict=True))
    assert not all(_equal(a, b) for a, b in zip(first.epoch(4), other.epoch(4), strict=True))


def test_rows_that_lie_behind_each_other_make_the_same_batches() -> None:
    random = np.random.default_rng(0)
    rows = [random.integers(300, size=random.integers(1, 9)) for _ in range(50)]
    kinds = (rows, Ragged.of(iter(rows), 300))
    ours, theirs = (BucketedBatches(kind, np.arange(50), 8, max_tokens=40).epoch(1) for kind in kinds)
    for one, other in zip(ours, theirs, strict=True):
        for name, value in vars(one).items():
            np.testing.assert_array_equal(value, vars(other)[name], strict=True)


def test_rows_of_like_length_stand_together() -> None:
    lengths = np.random.default_rng(0).integers(1, 101, size=3000).tolist()
    batches = BucketedBatches(_rows(lengths), np.zeros(3000), 16, seed=0)
    padded = sum(batch.tokens.size for batch in batches.epoch(0))
    assert padded < 1.05 * sum(lengths)
    longest = [int(batch.lengths.max()) for batch in batches.epoch(0)]
    assert longest != sorted(longest)


def test_a_pool_of_one_batch_mixes_lengths() -> None:
    rows = [np.ones(1 + k % 2, np.int64) for k in range(400)]
    found = BucketedBatches(rows, np.zeros(400), 20, pool=1).epoch(0)
    assert all(0 < (batch.lengths == 1).sum() < 20 for batch in found)
    assert sum((batch.lengths == 1).all() for batch in BucketedBatches(rows, np.zeros(400), 20).epoch(0)) > 5


def test_rows_and_labels_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"sequence 1 has shape \[0\]"):
        BucketedBatches([np.ones(2, int), np.ones(0, int)], [0, 1], 2, seed=0)
    with pytest.raises(ShapeError, match=r"expected labels \[2\], got \[3\]"):
        BucketedBatches(_rows([1, 2]), [0, 1, 2], 2, seed=0)
    with pytest.raises(UsageError, match="batch_size is at least 1, got 0"):
        BucketedBatches(_rows([1]), [0], 0, seed=0)
    with pytest.raises(UsageError, match="max_tokens is at least 1, got 0"):
        BucketedBatches(_rows([1]), [0], 1, max_tokens=0)


def test_streams_by_hand() -> None:
    chunks = list(StreamBatches(np.arange(10, dtype=np.uint16), 2, 3).epoch(0))
    assert [inputs.tolist() for inputs, _ in chunks] == [[[0, 1, 2], [4, 5, 6]], [[3], [7]]]
    assert [targets.tolist() for _, targets in chunks] == [[[1, 2, 3], [5, 6, 7]], [[4], [8]]]
    assert chunks[0][0].dtype == np.int64


@given(
    st.integers(2, 200),
    st.integers(1, 12),
    st.integers(1, 20),
    st.integers(0, 3),
    st.none() | st.integers(0, 9),
)
def test_streams_are_contiguous_and_cover_the_text(
    count: int, size: int, steps: int, epoch: int, seed: int | None
) -> None:
    batches = StreamBatches(np.arange(count), size, steps)
    start = batches.offset(epoch, seed)
    chunks = list(batches.epoch(epoch, seed))
    inputs = np.concatenate([chunk for chunk, _ in chunks], axis=1)
    targets = np.concatenate([chunk for _, chunk in chunks], axis=1)
    assert 0 <= start < steps
    assert (targets == inputs + 1).all()
    assert inputs.reshape(-1).tolist() == list(range(start, start + inputs.size))
    assert count - 1 - start - inputs.size < batches.batch_size <= size
    assert all(chunk.shape[1] == steps for chunk, _ in chunks[:-1])
    assert len(chunks) <= len(batches)
    if seed is None or epoch == 0:
        assert start == 0
        assert len(chunks) == len(batches)


def test_each_epoch_starts_at_its_own_offset() -> None:
    batches = StreamBatches(np.arange(1000), 4, 50)
    offsets = [batches.offset(epoch, 7) for epoch in range(20)]
    assert offsets[0] == 0
    assert len(set(offsets)) > 5
    assert offsets == [StreamBatches(np.arange(1000), 4, 50).offset(epoch, 7) for epoch in range(20)]


def test_a_short_text_has_fewer_streams() -> None:
    batches = StreamBatches(np.arange(7), 64, 100)
    assert batches.batch_size == 3
    assert [inputs.shape for inputs, _ in batches.epoch(0)] == [(3, 2)]


def test_streams_that_cannot_be_are_refused() -> None:
    with pytest.raises(DataError, match="a text of 1 tokens"):
        StreamBatches(np.arange(1), 1, 1)
    with pytest.raises(ShapeError, match=r"expected tokens \[N\], got \[2, 3\]"):
        StreamBatches(np.zeros((2, 3), int), 1, 1)
    with pytest.raises(UsageError, match="steps is at least 1, got 0"):
        StreamBatches(np.arange(9), 1, 0)
