"""Blocks of steps: who goes when, and what counts."""

from __future__ import annotations

import pytest

from recurra.bench.timing import SAMPLE_SECONDS
from recurra.bench.turns import LONG, SHORT, Block, Turns, block_for

both = pytest.mark.parametrize("block", [SHORT, LONG])


@both
def test_every_side_takes_every_step_block_by_block(block: Block) -> None:
    taken: list[tuple[str, int]] = []
    sides = [lambda index: taken.append(("one", index)), lambda index: taken.append(("two", index))]
    turns, size = Turns(sides, 7, block), block.steps
    for index in range(turns.steps):
        taken.append(("own", index))
        turns.after(index)
    assert turns.steps == 8 * size
    for start in range(0, turns.steps, size):
        found = taken[3 * start : 3 * (start + size)]
        assert found == [(side, index) for side in ("own", "one", "two") for index in range(start, start + size)]


@both
def test_the_first_steps_of_a_block_and_the_first_block_are_not_counted(block: Block) -> None:
    now, size = [0.0], block.steps

    def step(index: int) -> None:
        slow = index < size or index % size < block.refilling
        now[0] += 100.0 if slow else 1.0 + index // size

    turns = Turns([step], 7, block, clock=lambda: now[0])
    for index in range(turns.steps):
        turns.after(index)
    assert turns.times(turns.seconds[0]).samples == tuple(1.0 + number for number in range(1, 8))


def test_long_steps_are_fewer() -> None:
    assert block_for(0.9 * SAMPLE_SECONDS) == SHORT
    assert block_for(SAMPLE_SECONDS) == LONG
