"""Ctrl-C, termination, hang-up: noted once, obeyed at the second time, handlers left as they were."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

import pytest

from recurra.training.signals import STOPPING, StopRequest


@pytest.fixture
def outside() -> Iterator[list[int]]:
    """The signals that came through to the handlers that were there before."""
    heard: list[int] = []
    before = {number: signal.signal(number, lambda n, _: heard.append(n)) for number in STOPPING}
    yield heard
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", STOPPING)
def test_the_first_is_noted_the_second_does_what_it_does_outside(number: int, outside: list[int]) -> None:
    before = {n: signal.getsignal(n) for n in STOPPING}
    with StopRequest() as stop:
        signal.raise_signal(number)
        assert stop.received == number
        assert outside == []
        signal.raise_signal(signal.SIGTERM)
        assert (stop.received, outside) == (number, [signal.SIGTERM])
    assert {n: signal.getsignal(n) for n in before} == before


def test_a_terminal_that_goes_away_says_so_more_than_once(outside: list[int]) -> None:
    with StopRequest() as stop:
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGHUP):
            signal.raise_signal(number)
    assert (stop.received, outside) == (signal.SIGTERM, [])


def test_what_nohup_ignores_stays_ignored(outside: list[int]) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with StopRequest() as stop:
        signal.raise_signal(signal.SIGHUP)
        assert stop.received is None
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_handlers_come_back_after_an_error() -> None:
    before = signal.getsignal(signal.SIGINT)
    with contextlib.suppress(ZeroDivisionError), StopRequest():
        assert signal.getsignal(signal.SIGINT) != before
        raise ZeroDivisionError
    assert signal.getsignal(signal.SIGINT) is before


def test_two_inside_each_other() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with StopRequest() as outer:
        with StopRequest() as inner:
            signal.raise_signal(signal.SIGTERM)
        assert (inner.received, outer.received) == (signal.SIGTERM, None)
    assert signal.getsignal(signal.SIGTERM) is before


def test_off_the_main_thread_nothing_is_caught() -> None:
    found: list[object] = []

    def work() -> None:
        with StopRequest() as stop:
            found.append(stop.received)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [None]


def test_what_an_exception_ends_is_noted_around_it() -> None:
    with StopRequest() as around:
        with contextlib.suppress(ValueError), StopRequest():
            signal.raise_signal(signal.SIGTERM)
            raise ValueError("pruned")
        assert around.received == signal.SIGTERM
    with StopRequest() as around:
        with StopRequest() as inside:
            signal.raise_signal(signal.SIGTERM)
        assert (inside.received, around.received) == (signal.SIGTERM, None)
