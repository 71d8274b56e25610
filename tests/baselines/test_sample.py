"""How much is learned from in a given time."""

from __future__ import annotations

import pytest

from recurra.baselines.sample import affordable, as_many_as


def test_no_less_than_was_tried() -> None:
    assert affordable(1000, took=5.0, seconds=1.0) == affordable(1000, took=5.0, seconds=5.0) == 1000


def test_more_time_affords_more_and_less_than_in_proportion() -> None:
    found = [affordable(1000, took=1.0, seconds=seconds) for seconds in (3, 10, 100)]
    assert found == sorted(found)
    assert 1000 < found[0] < 2000
    assert 30_000 < found[2] < 99_000


@pytest.mark.parametrize("power", [1.0, 1.5, 2.0])
@pytest.mark.parametrize("seconds", [1.0, 10.0, 100.0])
@pytest.mark.parametrize("fixed", [0.0, 0.5])
def test_samples_grow_as_the_time_allows_and_no_more(power: float, seconds: float, fixed: float) -> None:
    now, tried = 0.0, list[int]()

    def made(count: int) -> str:
        nonlocal now
        tried.append(count)
        now += fixed + 0.01 * (count / 100) ** power
        return f"of {count}"

    found, count = as_many_as(made, 10_000_000, seconds, first=100, clock=lambda: now)
    assert now <= max(seconds, fixed + 0.01)
    assert found == f"of {count}"
    assert count == tried[-1] == max(tried)
    if seconds == 100:
        assert now > seconds / 4  # it makes something of the time
        assert len(tried) < 8


def test_of_few_all_are_taken_at_once() -> None:
    tried = list[int]()
    assert as_many_as(tried.append, 60, 0.0, first=100, clock=lambda: 0.0) == (None, 60)
    assert tried == [60]
