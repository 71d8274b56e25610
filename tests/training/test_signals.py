"""Ctrl-C and termination: noted once, obeyed at the second time, handlers left as they were."""

from __future__ import annotations

import contextlib
import signal
import threading

import pytest

from recurra.training.signals import StopRequest


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_is_noted_the_second_interrupts(number: signal.Signals) -> None:
    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    with StopRequest() as stop:
        signal.raise_signal(number)
        assert stop.received == number
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    assert {n: signal.getsignal(n) for n in before} == before


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
