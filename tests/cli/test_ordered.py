"""Pieces of work that several threads do: their order, what fails, and leaving early."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator

import pytest
import torch

from recurra.cli.ordered import MOST_WORKERS, Ordered


def test_results_come_in_the_order_of_the_work() -> None:
    def slow_first(piece: int) -> int:
        time.sleep(0.02 if piece % 3 == 0 else 0)
        return -piece

    with Ordered(range(40), slow_first) as found:
        assert list(found) == [(piece, -piece) for piece in range(40)]


def test_a_result_waits_for_no_further_work() -> None:
    given, asked = threading.Event(), []

    def source() -> Iterator[int]:
        yield 1
        asked.append(given.wait(60))
        yield 2

    with Ordered(source(), abs) as found:
        assert next(found) == (1, 1)
        assert asked == []
        given.set()
        assert list(found) == [(2, 2)]


def test_what_fails_is_raised_in_its_place() -> None:
    def source() -> Iterator[int]:
        yield from (1, 2)
        raise OSError("no more")

    with Ordered(source(), abs) as found:
        assert [next(found), next(found)] == [(1, 1), (2, 2)]
        with pytest.raises(OSError, match="no more"):
            next(found)
    with Ordered([2, 1, 0, 5], lambda piece: 2 // piece) as found:
        assert [next(found)[1] for _ in range(2)] == [1, 2]
        with pytest.raises(ZeroDivisionError):
            next(found)


def test_little_is_read_ahead() -> None:
    read = []

    def source() -> Iterator[int]:
        for piece in itertools.count():
            read.append(piece)
            yield piece

    with Ordered(source(), abs) as found:
        for _ in range(10):
            next(found)
    assert len(read) <= 10 + 2 * MOST_WORKERS + 2
    before = len(read)
    time.sleep(0.05)
    assert len(read) <= before + 1


def test_to_leave_breaks_off_what_is_worked_on() -> None:
    ended = []

    def endless(piece: int) -> int:
        if not piece:
            return piece
        try:
            while True:
                time.sleep(0.001)
        finally:
            ended.append(piece)

    with Ordered(itertools.count(), endless) as found:
        assert next(found) == (0, 0)
        while not [thread for thread in threading.enumerate() if "_work" in thread.name]:
            time.sleep(0.001)
    assert not [thread for thread in threading.enumerate() if "_work" in thread.name]
    assert len(ended) <= MOST_WORKERS


def test_torch_has_its_threads_again() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with Ordered(range(20), lambda _: torch.get_num_threads()) as found:
            assert {threads for _, threads in found} <= {1, 3}
        assert torch.get_num_threads() == 3
        assert torch.set_num_threads(1) is None
        with Ordered(range(3), lambda _: torch.get_num_threads()) as found:
            assert [threads for _, threads in found] == [1] * 3
    finally:
        torch.set_num_threads(before)
