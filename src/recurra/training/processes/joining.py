"""From processes that torchrun has started to processes that train together, and how they part."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from recurra.errors import CallbackError, DivergedError, RankError, RecurraError, StoppedError, UsageError
from recurra.training.processes.alone import ALONE, Processes
from recurra.training.processes.code import versions
from recurra.training.processes.place import place
from recurra.training.processes.together import Together
from recurra.training.signals import number_of

AGREED = (StoppedError, DivergedError, CallbackError)
"""How all processes end at the same step, the first of them writing what there is."""
LINGER = 3.0
"""For a process that failed alone: what it failed of may be known to the first one too, which says it then."""
LAST = 5.0
"""For the first process, which may have the store, to hear that all have ended."""


@contextmanager
def joined() -> Iterator[Processes]:
    """The processes of this run, all of which enter this and run the same code.

    Errors: RankError for one that runs other code, and out of all that is done together once another has ended
    """
    here = place()
    if here.count == 1:
        yield ALONE
        return
    processes = Together(here)
    try:
        check_same(processes, versions(), "runs {name} {other}, process 0 {firsts}\ninstall the same everywhere")
        yield processes
        _end(processes, 0)
    except BaseException as error:
        found = _ended(processes, error)
        if found is error:
            raise
        raise found from error
    finally:
        processes.leave()


def check_same(
    processes: Processes, own: Mapping[str, str], message: str, error: type[RecurraError] = UsageError
) -> None:
    """Errors: `error` in every process if one of them has something else than the first. message: what of it"""
    if not isinstance(processes, Together):
        return
    found = processes.gather((processes.host, dict(own)))
    first = found[0][1]
    for rank, (host, others) in enumerate(found):
        for name in dict.fromkeys([*first, *others]):
            if others.get(name) != first.get(name):
                there, here = (values.get(name, "nothing") for values in (others, first))
                what = f"process {rank} on {host} {message.format(name=name, other=there, firsts=here)}"
                raise error(what)


def digest(content: bytes | str) -> str:
    """The first digits of a SHA-256."""
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()[:12]


def wait_for_first(processes: Processes, mark: int) -> None:
    """Sleep until the first process has so many phases behind it, or has ended.

    Errors: RankError once another process has failed
    """
    if not isinstance(processes, Together) or processes.place.first:
        return
    heartbeat = processes.heartbeat
    while True:
        first = heartbeat.beats[0]
        if first.ended is not None or first.mark >= mark:
            if first.ended:
                raise RankError(first.message, first.ended)
            return
        if (failure := heartbeat.failure()) is not None:
            raise RankError(failure.message, failure.code)
        time.sleep(0.1)
        try:
            heartbeat.look()
        except RuntimeError as error:
            raise processes.broken(error) from error


def _end(processes: Together, code: int, message: str = "", *, follows: bool = False) -> None:
    """Tell the others; the first process stays until all have ended, the others until the first has."""
    try:
        processes.heartbeat.announce(ended=code, message=message, follows=follows)
        until = time.monotonic() + LAST
        while processes.place.first and time.monotonic() < until:
            processes.heartbeat.look()
            if processes.heartbeat.are_gone():
                return
            time.sleep(0.05)
    except RuntimeError:  # the store is gone, and with it who had it
        return


def _ended(processes: Together, error: BaseException) -> BaseException:
    """What to raise for an error, when the others know of it."""
    first = processes.place.first
    if isinstance(error, KeyboardInterrupt) and (failure := processes.heartbeat.found_out()) is not None:
        error = RankError(failure.message, failure.code)
    if isinstance(error, RuntimeError) and "peer" in str(error):
        error = processes.broken(error)
    code, message = _code(error), str(error) or type(error).__name__
    follows = isinstance(error, RankError) or (not first and isinstance(error, AGREED))
    if isinstance(error, KeyboardInterrupt):
        message = "it was stopped by a signal"
    if not first and isinstance(error, AGREED):
        _linger(processes, None)
    _end(processes, code, message, follows=follows)
    if not first and not follows:
        _linger(processes, LINGER)
    return error


def _code(error: BaseException) -> int:
    if isinstance(error, KeyboardInterrupt):
        return 128 + number_of(error)
    if isinstance(error, SystemExit) and isinstance(error.code, int):
        return error.code
    return error.exit_code if isinstance(error, RecurraError) else 1


def _linger(processes: Together, seconds: float | None) -> None:
    """Stay until the first process has ended, so long at most, as long as it lives if None."""
    heartbeat, begun = processes.heartbeat, time.monotonic()
    while seconds is None or time.monotonic() - begun < seconds:
        try:
            heartbeat.look()
        except RuntimeError:
            return
        if heartbeat.beats[0].ended is not None or heartbeat.failure() is not None:
            return
        time.sleep(0.1)
