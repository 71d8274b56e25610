"""Groups of like length: every row once, no more padding than asked for."""

from __future__ import annotations

import numpy as np
import pytest

from recurra.data.batching.buckets import by_length


@pytest.mark.parametrize(("most", "rows"), [(1, None), (20, None), (20, 3), (10**6, None), (10**6, 1)])
@pytest.mark.parametrize("count", [0, 1, 2, 57])
def test_every_row_stands_once_in_a_group_that_fits(count: int, most: int, rows: int | None) -> None:
    lengths = np.random.default_rng(0).integers(1, 9, count)
    groups = list(by_length(lengths, most, rows=rows))
    assert sorted(np.concatenate([np.zeros(0, int), *groups]).tolist()) == list(range(count))
    for group in groups:
        assert len(group) == 1 or len(group) * lengths[group].max() <= most
        assert rows is None or len(group) <= rows
    read = [int(lengths[place]) for group in groups for place in group]
    assert read == sorted(read)


def test_a_group_is_as_full_as_can_be() -> None:
    assert [group.tolist() for group in by_length([3, 1, 2, 2, 9], 6)] == [[1, 2, 3], [0], [4]]


def test_rows_of_one_length_keep_their_order() -> None:
    assert [group.tolist() for group in by_length([2, 2, 2, 2], 4)] == [[0, 1], [2, 3]]
