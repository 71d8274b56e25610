"""Sides in turn, by a clock of our own."""

from __future__ import annotations

import gc

import pytest

from recurra.bench.timing import WARM_UPS, Times, interleaved


class World:
    """A clock that calls move on, and what was called."""

    def __init__(self) -> None:
        self.now = 0.0
        self.calls: list[str] = []

    def side(self, name: str, seconds: float):
        def call() -> None:
            assert not gc.isenabled()
            self.calls.append(name)
            self.now += seconds

        return call


def test_sides_take_turns_after_two_warm_ups() -> None:
    world = World()
    times = interleaved([world.side("a", 1.0), world.side("b", 3.0)], 7, clock=lambda: world.now)
    assert [t.samples for t in times] == [(1.0,) * 7, (3.0,) * 7]
    assert world.calls == ["a"] * WARM_UPS + ["b"] * WARM_UPS + ["a", "a", "b", "b"] * 7
    assert gc.isenabled()


def test_short_calls_are_repeated_within_a_sample() -> None:
    world = World()
    (times,) = interleaved([world.side("a", 0.001)], 7, clock=lambda: world.now)
    assert times.median == pytest.approx(0.001)
    assert len(world.calls) == WARM_UPS + (1 + 25) * 7


def test_the_first_call_of_a_turn_is_not_timed() -> None:
    world = World()

    def side(name: str):
        def call() -> None:
            world.now += 0.010 if world.calls and world.calls[-1] == name else 0.015  # caches hold the other's data
            world.calls.append(name)

        return call

    times = interleaved([side("a"), side("b")], 7, clock=lambda: world.now)
    assert [t.median for t in times] == pytest.approx([0.010, 0.010])


def test_collection_is_on_again_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError):
        interleaved([lambda: 1 / 0])
    assert gc.isenabled()


def test_one_slow_sample_does_not_matter() -> None:
    assert Times((1.0, 1.0, 1.0, 50.0, 1.0)).median == 1.0
