"""Whether the other processes are alive, and what became of those that are not."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from torch.distributed import Store

from recurra.training.processes.place import Place

EVERY = 0.5
DEAD = 20.0
"""Without a beat for so long a process is dead, or its machine, or the way there. Units: seconds"""
KILLED = 3.0
"""So long is enough to find out who is missing when a connection has broken."""
GRACE = 5.0
"""For the main thread, to end by itself."""
LOST = 6
"""The exit code where another process of the run has died."""


@dataclass
class Beat:
    """What a process says of itself.

    number: of its beats; mark: phases that it has behind it; written: the finished run's folder; ended: with this exit
    code; message: what it failed of;
    follows: it only ended because another had
    """

    host: str
    number: int = 0
    mark: int = 0
    written: str = ""
    ended: int | None = None
    message: str = ""
    follows: bool = False


@dataclass(frozen=True)
class Failure:
    """What became of another process. code: to exit with"""

    message: str
    code: int


class Heartbeat:
    """A thread that tells the store that this process lives, and reads the same of all others; another that watches.

    If one of them has failed and the main thread does not end by itself, because it waits for a machine that is gone,
    the second thread ends the process, with a line if it is the first; the other may hang with the store for good.
    store: a connection of its own
    """

    def __init__(self, store: Store, place: Place, host: str) -> None:
        self.place, self.own = place, Beat(host)
        self.beats: list[Beat] = []
        self.remedy = ""
        self._store, self._lock, self._stopped = store, threading.Lock(), threading.Event()
        self._moved = [time.monotonic()] * place.count
        self._heard = time.monotonic()
        self._announce()
        self._threads = [threading.Thread(target=each, daemon=True) for each in (self._beat, self._watch)]

    def start(self) -> None:
        """Once every process has told of itself."""
        self.look()
        for thread in self._threads:
            thread.start()

    def look(self) -> None:
        """Read what all say. Errors: RuntimeError if the store is gone"""
        with self._lock:
            found = self._store.multi_get([_key(rank) for rank in range(self.place.count)])
            now, before = time.monotonic(), self.beats
            self.beats = [Beat(**json.loads(bytes(value))) for value in found]
            self._heard = now
            for rank, beat in enumerate(self.beats):
                if not before or beat.number != before[rank].number:
                    self._moved[rank] = now

    def announce(self, **what: Any) -> None:
        """Say something of this process at once."""
        for name, value in what.items():
            setattr(self.own, name, value)
        self._announce()

    def _announce(self) -> None:
        with self._lock:
            self.own.number += 1
            self._store.set(_key(self.place.rank), json.dumps(asdict(self.own)))

    def failure(self, silent: float = DEAD) -> Failure | None:
        """The first process that failed of itself, or has been silent for so long; None if all live or ended well."""
        for rank, beat in enumerate(self.beats):
            if rank != self.place.rank and beat.ended and not beat.follows:
                return Failure(f"process {rank} on {beat.host}: {beat.message}", beat.ended)
        for rank, beat in enumerate(self.beats):
            if rank != self.place.rank and beat.ended is None and self._silent(rank) > silent:
                return Failure(
                    f"process {rank} on {beat.host} died without a word: it was killed, ran out of memory, or its "
                    "machine cannot be reached",
                    LOST,
                )
        if time.monotonic() - self._heard > silent and not (self.beats and self.beats[0].ended == 0):
            return Failure("the machine of process 0 cannot be reached any more", LOST)
        return None

    def are_gone(self) -> bool:
        """Whether all others have ended or are silent."""
        others = [rank for rank in range(self.place.count) if rank != self.place.rank]
        return all(self.beats[rank].ended is not None or self._silent(rank) > KILLED for rank in others)

    def _silent(self, rank: int) -> float:
        return time.monotonic() - self._moved[rank]

    def found_out(self) -> Failure | None:
        """Why a connection has broken, looked for as long as it takes to tell."""
        until = time.monotonic() + KILLED + 1
        while time.monotonic() < until:
            try:
                self.look()
            except RuntimeError:
                time.sleep(EVERY)
                continue
            if (failure := self.failure(KILLED)) is not None:
                return failure
            if self.are_gone():
                return None
            time.sleep(EVERY / 5)
        return self.failure(KILLED)

    def stop(self) -> None:
        """No more beats."""
        self._stopped.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(GRACE)

    def _beat(self) -> None:
        while not self._stopped.wait(EVERY):
            with suppress(RuntimeError):  # the store does not answer; for how long, `failure` knows
                self._announce()
                self.look()

    def _watch(self) -> None:
        failed: float | None = None
        while not self._stopped.wait(EVERY):
            failure = self.failure()
            if failure is None:
                failed = None
                continue
            failed = failed or time.monotonic()
            if time.monotonic() - failed > GRACE:
                self._end(failure)

    def _end(self, failure: Failure) -> None:
        if self.place.first:
            sys.stderr.write(f"recurra: error: {failure.message}\n{self.remedy}".rstrip() + "\n")
            sys.stderr.flush()
        os._exit(failure.code)


def _key(rank: int) -> str:
    return f"beat/{rank}"
