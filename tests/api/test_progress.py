"""What a run says while it goes."""

from __future__ import annotations

import io
import re
import threading
import time
from collections.abc import Callable

import pytest

from recurra.api import progress
from recurra.api.progress import ProgressLogger
from recurra.data import share
from recurra.training.history import Tick


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SILENT_SECONDS", 0.01)
    monkeypatch.setattr(progress, "EVERY_SECONDS", 0.01)


def until(done: Callable[[], bool]) -> None:
    for _ in range(2000):
        if done():
            return
        time.sleep(0.005)
    raise AssertionError("nothing was said")


def test_what_takes_long_says_so_and_how_long(hasty: None) -> None:
    said = io.StringIO()
    with ProgressLogger(stream=said).doing("fitting the baselines"):
        until(lambda: said.getvalue().count("\n") >= 2)
    first, second = said.getvalue().splitlines()[:2]
    assert first == "  fitting the baselines ..."
    assert second == "  fitting the baselines: 0:00"


def test_what_is_short_says_nothing() -> None:
    said = io.StringIO()
    with ProgressLogger(stream=said).doing("reading"):
        pass
    assert said.getvalue() == ""


def test_nothing_is_said_after_an_error(hasty: None) -> None:
    said = io.StringIO()
    doing = ProgressLogger(stream=said).doing("reading")
    doing.__enter__()
    until(lambda: said.getvalue() != "")
    assert not doing.__exit__(ZeroDivisionError, ZeroDivisionError(), None)
    before = said.getvalue()
    time.sleep(0.05)
    assert said.getvalue() == before


def test_a_quiet_run_starts_no_watcher(hasty: None) -> None:
    said = io.StringIO()
    with ProgressLogger(stream=said, quiet=True).doing("reading"):
        time.sleep(0.05)
    assert said.getvalue() == ""


def test_on_a_terminal_it_stands_in_one_place_and_goes_away(hasty: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    said = Terminal()
    with ProgressLogger(stream=said).doing("fitting the [red]baselines"):
        until(lambda: "fitting the [red]baselines" in said.getvalue())
    assert "\x1b[2K" in said.getvalue()


def test_a_style_is_for_terminals_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    plain, terminal = io.StringIO(), Terminal()
    for stream in (plain, terminal):
        ProgressLogger(stream=stream).log("verdict: \x1b[31m", style="bold green")
    assert plain.getvalue() == "verdict: \\x1b[31m\n"
    assert terminal.getvalue() == "\x1b[1;32mverdict: \\x1b[31m\x1b[0m\n"


def test_a_reading_says_how_far_it_is_and_what_is_left(hasty: None) -> None:
    said = io.StringIO()
    with ProgressLogger(stream=said).doing("reading the data"), share.stage(0, 0.5, 100):
        share.add(50)
        before = said.getvalue().count("\n")  # said before anything was read
        until(lambda: said.getvalue().count("\n") >= before + 3)
    for line in said.getvalue().splitlines()[before + 1 : before + 3]:
        assert re.fullmatch(r"  reading the data: 25%, about \d+:\d\d left", line)


def test_what_a_long_reading_means_is_said_once_and_as_soon_as_it_is_known(hasty: None) -> None:
    said, heard = io.StringIO(), list[float]()

    def late(left: float) -> str:
        heard.append(left)
        return "it takes too long"

    with ProgressLogger(stream=said).doing("reading the data", late), share.stage(0, 1, 1000):
        until(lambda: said.getvalue().count("\n") >= 2)
        assert not heard
        share.add(50)
        until(lambda: "note: " in said.getvalue())
        before = said.getvalue().count("\n")
        until(lambda: said.getvalue().count("\n") >= before + 2)
    assert said.getvalue().count("note: it takes too long\n") == len(heard) == 1


def test_a_reading_does_not_show_what_another_thread_reads(hasty: None) -> None:
    said, begun, shown = io.StringIO(), threading.Event(), threading.Event()

    def other() -> None:
        with share.followed() as reading, share.stage(0, 1, 4):
            share.add(3)
            begun.set()
            shown.wait(60)
            found = reading.reached()
            assert found is not None
            shares.append(found[0])

    shares: list[float] = []
    thread = threading.Thread(target=other)
    thread.start()
    assert begun.wait(60)
    with ProgressLogger(stream=said).doing("reading the data"):
        until(lambda: said.getvalue().count("\n") >= 2)
    shown.set()
    thread.join()
    assert shares == [0.75]
    assert "%" not in said.getvalue()


def test_items_are_counted_as_they_are_taken() -> None:
    with share.followed() as reading, share.stage(0, 1, 5):
        taken = share.counted(iter("abcde"), every=2)
        shares = []
        for _ in taken:
            found = reading.reached()
            shares.append(0 if found is None else found[0])
        assert shares == [0, 0, 0.4, 0.4, 0.8]
        assert reading.reached() == (1.0, 0.0)


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_the_first_step_is_a_phase_until_it_is_told_of(hasty: None, stream: type[io.StringIO]) -> None:
    said = stream()
    logger = ProgressLogger(stream=said)
    first = "the first step of training"
    with logger.training():
        until(lambda: first in said.getvalue())
        with logger.doing("writing the model"):  # of a step that is also the last
            until(lambda: "writing the model" in said.getvalue())
        logger.tick(Tick(0.1, 1, 0.1, 1.0, 1.0, 1.0, 1.0, False))
        logger.close()
        before = said.getvalue().count(first)
        time.sleep(0.05)
        assert said.getvalue().count(first) == before
    with logger.training():
        pass
