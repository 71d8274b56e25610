"""Blocks of steps: who goes when, and what counts."""

from __future__ import annotations

from recurra.bench.turns import BLOCK, REFILLING, Turns


def test_every_side_takes_every_step_block_by_block() -> None:
    taken: list[tuple[str, int]] = []
    turns = Turns([lambda index: taken.append(("one", index)), lambda index: taken.append(("two", index))], 7)
    for index in range(turns.steps):
        taken.append(("own", index))
        turns.after(index)
    assert turns.steps == 8 * BLOCK
    for start in range(0, turns.steps, BLOCK):
        block = taken[3 * start : 3 * (start + BLOCK)]
        assert block == [(side, index) for side in ("own", "one", "two") for index in range(start, start + BLOCK)]


def test_the_first_steps_of_a_block_and_the_first_block_are_not_counted() -> None:
    now = [0.0]

    def step(index: int) -> None:
        slow = index < BLOCK or index % BLOCK < REFILLING
        now[0] += 100.0 if slow else 1.0 + index // BLOCK

    turns = Turns([step], 7, clock=lambda: now[0])
    for index in range(turns.steps):
        turns.after(index)
    assert turns.times(turns.seconds[0]).samples == tuple(1.0 + block for block in range(1, 8))
