"""Rows of ids in one array are the rows that they were made of."""

from __future__ import annotations

import numpy as np
import pytest

from recurra.data import ragged
from recurra.data.ragged import Ragged
from recurra.errors import ShapeError

ROWS = [np.array(row, np.int64) for row in ([3, 1], [], [70_000], [5, 5, 5, 2])]


@pytest.mark.parametrize("block", [1, 3, 100])
def test_rows_come_back(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ragged, "BLOCK", block)
    made = Ragged.of(iter(ROWS), 70_001)
    for found in (made, [made[i] for i in range(4)], made[:], made.at(np.arange(4))):
        assert [row.tolist() for row in found] == [row.tolist() for row in ROWS]
        assert all(row.dtype == np.int64 for row in found)
    assert made.lengths.tolist() == [2, 0, 1, 4]
    assert made[-1].tolist() == [5, 5, 5, 2]
    assert [row.tolist() for row in made.at(np.array([3, 1, 3]))] == [[5, 5, 5, 2], [], [5, 5, 5, 2]]
    with pytest.raises(IndexError):
        made[4]


def test_rows_one_below_the_other() -> None:
    made = Ragged.of(iter(ROWS), 70_001)
    ids, lengths = made.padded(np.array([3, 1, 0]))
    assert ids.tolist() == [[5, 5, 5, 2], [0, 0, 0, 0], [3, 1, 0, 0]]
    assert (lengths.tolist(), ids.dtype) == ([4, 0, 2], np.int64)
    assert made.padded(np.array([1]))[0].shape == (1, 0)
    assert made.padded(np.zeros(0, np.int64))[0].shape == (0, 0)


def test_ids_take_as_few_bytes_as_they_need() -> None:
    assert Ragged.of(ROWS, 70_001).values.dtype == np.uint32
    assert Ragged.of(ROWS[:2], 200).values.dtype == np.uint8
    assert len(Ragged.of([], 5)) == 0
    with pytest.raises(ShapeError, match=r"below 256, got 70,000"):
        Ragged.of(ROWS, 256)


def test_rows_are_cut_and_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ragged, "BLOCK", 2)
    rows = [np.arange(size) for size in (3, 0, 5, 1, 2)]
    whole = Ragged.of(rows, 200)
    assert [row.tolist() for row in whole.cut(2)] == [row[:2].tolist() for row in rows]
    sizes = np.array([1, 4, 5, 0, 1])
    assert [row.tolist() for row in whole.cut(sizes)] == [r[:n].tolist() for r, n in zip(rows, sizes, strict=True)]
    assert whole.cut(9) is whole
    ended = whole.ended(300)
    assert [row.tolist() for row in ended] == [[*row.tolist(), 300] for row in rows]
    assert ended.values.dtype == np.uint16
    some = np.array([False, True, False, True, False])
    assert [row.tolist() for row in whole.ended(7, some)] == [
        [*row.tolist(), 7] if more else row.tolist() for row, more in zip(rows, some.tolist(), strict=True)
    ]
    none = Ragged.of([], 3)
    assert len(none.cut(2)) == len(none.ended(2)) == 0
