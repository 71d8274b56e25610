"""A trained model and all that its server keeps beside it."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from recurra.errors import UsageError
from recurra.model_folder.manifest import MANIFEST
from recurra.serve.calls import Calls
from recurra.serve.limits import Limits
from recurra.serve.metrics import Metrics
from recurra.serve.sessions import Sessions
from recurra.serve.worker import Worker
from recurra.tasks.abilities import InLanes
from recurra.tasks.lanes import Lanes

if TYPE_CHECKING:
    from recurra.api.run import Run

SLICE = 16
"""Inputs that are answered in one call, so that others have their turn, and who left is noticed."""


class Service:
    """One model's server.

    lanes: where its sequences are stepped, None for a model without any; why_no_sessions: then the reason; mark: of
    the model, by which its sessions are known
    """

    def __init__(self, run: Run, limits: Limits = Limits(), *, clock: Callable[[], float] = time.monotonic) -> None:
        self.run, self.model, self.limits, self.metrics = run, run.model, limits, Metrics()
        self.mark = hashlib.sha256((run.folder / MANIFEST).read_bytes()).hexdigest()[:16]
        self.sessions = Sessions(limits, self.mark, clock=clock, counted=self.metrics.ended)
        self.calls = Calls(limits.waiting)
        self.lanes, self.why_no_sessions = _lanes(run)
        self.worker = None if self.lanes is None else Worker(self.lanes, stepped=self.metrics.stepped)
        self.stopping = False
        self.metrics.watch("sessions", "Sessions that are alive", lambda: len(self.sessions))
        self.metrics.watch("session_bytes", "Of their states, at most", lambda: len(self.sessions) * self.session_bytes)
        self.metrics.watch("sequences", "Sequences that are being stepped", lambda: self.stepping)
        self.metrics.watch("calls", "Requests that wait for a call of the model", lambda: self.calls.waiting)
        self.metrics.watch("worker_alive", "1 while requests are worked on", lambda: float(self.alive))

    @property
    def session_bytes(self) -> int:
        """What one session holds, at most."""
        return 0 if self.lanes is None else self.lanes.bytes

    @property
    def stepping(self) -> int:
        return 0 if self.worker is None else self.worker.busy

    @property
    def alive(self) -> bool:
        """Whether requests are worked on."""
        return not self.stopping and (self.worker is None or self.worker.alive)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """With its threads, and sessions that expire."""
        if self.worker is not None:
            self.worker.start()
        expiring = asyncio.create_task(self._expire())
        try:
            yield
        finally:
            self.stopping = True
            expiring.cancel()
            with suppress(asyncio.CancelledError):
                await expiring
            if self.worker is not None:
                await asyncio.to_thread(self.worker.stop)
            await asyncio.to_thread(self.calls.stop)

    async def call(self, inputs: Sequence[Any], answer: Callable[[Sequence[Any]], list[Any]]) -> list[Any]:
        """The answers to all inputs, a slice at a time."""
        return await self.calls.run([partial(answer, some) for some in self._slices(inputs)])

    def _slices(self, inputs: Sequence[Any]) -> list[list[Any]]:
        """At most SLICE inputs, of texts as many characters and of sequences as many frames as one may have."""
        found: list[list[Any]] = []
        size = 0
        for one in inputs:
            length = 0 if one is None else len(one)
            most = self.limits.characters if isinstance(one, str) else self.limits.frames
            if not found or len(found[-1]) == SLICE or size + length > most:
                found.append([])
                size = 0
            found[-1].append(one)
            size += length
        return found

    async def _expire(self) -> None:
        while True:
            await asyncio.sleep(1)
            self.sessions.expire()


def _lanes(run: Run) -> tuple[Lanes | None, str | None]:
    if not isinstance(run.model, InLanes):
        return None, f"this model reads its inputs whole: {run.model.does}"
    try:
        return run.model.lanes(), None
    except UsageError as error:
        return None, str(error)
