"""The thread that steps all sequences that are busy, together."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from recurra.tasks.lanes import Lane, Lanes

UNREAD = 64
"""Answers that wait for a client before its sequence waits for it too."""
AHEAD = 2
"""Steps that the loop has not taken the answers of before the thread waits for it: tokens arrive one by one."""
STALLED = 30.0
"""Seconds of a single step after which the thread counts as dead."""
DEAD = "the server's worker has ended; it has to be started anew"


class Work:
    """What one request asked of one sequence, and the answers that are there.

    begin: asks the sequence, in the worker's thread; may raise RecurraError, which is then the answer
    """

    def __init__(self, lane: Lane, begin: Callable[[], None]) -> None:
        self.lane, self.begin = lane, begin
        self.cancelled = False
        self.error: Exception | None = None
        self._answers: list[dict[str, Any]] = []
        self._there = asyncio.Event()
        self._done = False
        self._posted, self._taken = 0, 0  # each counted by one thread alone
        self.wake: Callable[[], None] = lambda: None

    @property
    def full(self) -> bool:
        """Whether its client has to read before there is more."""
        return self._posted - self._taken >= UNREAD

    def post(self, answers: list[dict[str, Any]]) -> None:
        """In the worker's thread: these are on their way."""
        self._posted += len(answers)

    def put(self, answers: list[dict[str, Any]], *, done: bool, error: Exception | None = None) -> None:
        """In the loop's thread."""
        self._answers += answers
        self._done, self.error = done, error
        self._there.set()

    async def answers(self) -> AsyncIterator[list[dict[str, Any]]]:
        """All that are there, each time there are some. Errors: what failed"""
        while True:
            await self._there.wait()
            self._there.clear()
            was_full, (found, self._answers) = self.full, (self._answers, [])
            done = self._done
            self._taken += len(found)
            if was_full:
                self.wake()
            if found:
                yield found
            if done:
                if self.error is not None:
                    raise self.error
                return

    async def all(self) -> list[dict[str, Any]]:
        """Every answer. Errors: what failed"""
        return [each async for some in self.answers() for each in some]


class Worker:
    """Takes what waits, one step of each at a time: rows of different sequences are computed together.

    stepped: hears the number of rows and the seconds of each step
    """

    def __init__(self, lanes: Lanes, *, stepped: Callable[[int, float], None] = lambda rows, seconds: None) -> None:
        self.lanes, self._stepped = lanes, stepped
        self._change = threading.Condition()
        self._fresh: list[Work] = []
        self._works: list[Work] = []
        self._closing = False
        self._untaken = 0
        self._since: float | None = None
        self._failure: BaseException | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def alive(self) -> bool:
        """Whether it steps, or would if there were something to step."""
        since = self._since
        running = self._thread is not None and self._thread.is_alive() and self._failure is None
        return running and (since is None or time.monotonic() - since < STALLED)

    @property
    def busy(self) -> int:
        """Sequences that are being worked on."""
        return len(self._works) + len(self._fresh)

    def start(self) -> None:
        """From a coroutine, to whose loop the answers go."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="recurra-worker", daemon=True)
        self._thread.start()

    def submit(self, lane: Lane, begin: Callable[[], None]) -> Work:
        """Have a sequence asked. Errors: RuntimeError if the thread has ended"""
        work = Work(lane, begin)
        work.wake = self.wake
        with self._change:
            if self._failure is not None or self._closing:
                raise RuntimeError(DEAD)
            self._fresh.append(work)
            self._change.notify()
        return work

    def cancel(self, work: Work) -> None:
        """Its sequence is not stepped any more; what it says then is not heard."""
        work.cancelled = True
        self.wake()

    def wake(self) -> None:
        """Look again at what can be stepped."""
        with self._change:
            self._change.notify()

    def stop(self) -> None:
        """End the thread after the step that it is at."""
        with self._change:
            self._closing = True
            self._change.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            while self._take():
                self._step()
        except BaseException as error:  # noqa: BLE001, the thread ends, and `alive` and every request say so
            self._failure = error
        finally:
            self._since = None
            with self._change:
                left, self._fresh, self._works, self._closing = [*self._works, *self._fresh], [], [], True
            self._deliver([(work, [], True, RuntimeError(DEAD)) for work in left])

    def _take(self) -> bool:
        """Wait until something can be stepped; whether to go on."""
        with self._change:
            while not (self._closing or (self._untaken < AHEAD and (self._fresh or self._any_to_step()))):
                self._since = None
                self._change.wait()
            if self._closing:
                return False
            self._since = time.monotonic()
            fresh, self._fresh = self._fresh, []
        failed = []
        for work in fresh:
            try:
                if not work.cancelled:
                    work.begin()
                self._works.append(work)
            except Exception as error:  # noqa: BLE001, whatever it is, others go on
                failed.append((work, list[dict[str, Any]](), True, error))
        self._deliver(failed)
        return True

    def _any_to_step(self) -> bool:
        return any(work.cancelled or not work.full for work in self._works)

    def _step(self) -> None:
        ready = [work for work in self._works if not work.cancelled and not work.full and work.lane.busy]
        if ready:
            begun = time.perf_counter()
            self.lanes.advance([work.lane for work in ready])
            self._stepped(len(ready), time.perf_counter() - begun)
        news, going = [], []
        for work in self._works:
            if work.cancelled:
                continue
            answers, done = work.lane.answers(), not work.lane.busy
            work.post(answers)
            if answers or done:
                news.append((work, answers, done, work.lane.failed))
            if not done:
                going.append(work)
        self._works = going
        self._deliver(news)

    def _deliver(self, news: list[Any]) -> None:
        if not news or self._loop is None or self._loop.is_closed():
            return
        with self._change:
            self._untaken += 1

        def put() -> None:
            for work, answers, done, error in news:
                work.put(answers, done=done, error=error)
            with self._change:
                self._untaken -= 1
                self._change.notify()

        self._loop.call_soon_threadsafe(put)
