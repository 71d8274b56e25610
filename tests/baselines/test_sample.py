"""How much is learned from in a given time."""

from __future__ import annotations

from recurra.baselines.sample import affordable


def test_no_less_than_was_tried() -> None:
    assert affordable(1000, took=5.0, seconds=1.0) == affordable(1000, took=5.0, seconds=5.0) == 1000


def test_more_time_affords_more_and_less_than_in_proportion() -> None:
    found = [affordable(1000, took=1.0, seconds=seconds) for seconds in (3, 10, 100)]
    assert found == sorted(found)
    assert 1000 < found[0] < 2000
    assert 30_000 < found[2] < 99_000
