"""The thread that steps: it takes what waits, waits for who is slow, and its death is known."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from recurra.errors import UsageError
from recurra.serve.calls import Calls
from recurra.serve.refused import RefusedError
from recurra.serve.worker import UNREAD, Worker


class Counting:
    """Answers 1, 2, 3, ... up to what it is asked."""

    failed = None

    def __init__(self) -> None:
        self.count, self.most = 0, 0
        self._answers: list[dict[str, Any]] = []

    @property
    def busy(self) -> bool:
        return self.count < self.most

    def answers(self) -> list[dict[str, Any]]:
        found, self._answers = self._answers, []
        return found

    def ask(self, most: int) -> None:
        if most < 0:
            raise UsageError("less than nothing")
        self.count, self.most = 0, most


class Lanes:
    bytes = 0

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.gate = threading.Semaphore(0)
        self.gated = False

    def new(self, **options: Any) -> Counting:
        return Counting()

    def advance(self, lanes: list[Counting]) -> None:
        if self.gated:
            self.gate.acquire()
        self.seen.append(len(lanes))
        for lane in lanes:
            lane.count += 1
            if lane.count == 666:
                raise ZeroDivisionError("a bug")
            lane._answers.append({"n": lane.count})


def play(scene: Callable[[Worker, Lanes], Awaitable[None]]) -> None:
    async def run() -> None:
        lanes = Lanes()
        worker = Worker(lanes)
        worker.start()
        try:
            await asyncio.wait_for(scene(worker, lanes), 60)
        finally:
            lanes.gated = False
            lanes.gate.release(100)
            worker.stop()

    asyncio.run(run())


def test_what_waits_is_stepped_together() -> None:
    async def scene(worker: Worker, lanes: Lanes) -> None:
        lanes.gated = True
        some = [Counting() for _ in range(5)]
        works = [worker.submit(lane, lambda lane=lane: lane.ask(3)) for lane in some]
        for _ in range(8):
            lanes.gate.release()
        found = await asyncio.gather(*(work.all() for work in works))
        assert found == [[{"n": 1}, {"n": 2}, {"n": 3}]] * 5
        assert max(lanes.seen) >= 4
        assert worker.busy == 0

    play(scene)


def test_what_cannot_be_asked_is_the_answer_and_others_go_on() -> None:
    async def scene(worker: Worker, lanes: Lanes) -> None:
        bad, good = Counting(), Counting()
        wrong = worker.submit(bad, lambda: bad.ask(-1))
        right = worker.submit(good, lambda: good.ask(2))
        with pytest.raises(UsageError, match="less than nothing"):
            await wrong.all()
        assert len(await right.all()) == 2
        assert worker.alive

    play(scene)


def test_a_bug_in_what_one_asks_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(worker: Worker, lanes: Lanes) -> None:
        lane = Counting()
        with pytest.raises(TypeError):
            await worker.submit(lane, lambda: lane.ask(None)).all()  # type: ignore[arg-type]
        assert worker.alive

    play(scene)


def test_a_client_that_reads_slowly_is_waited_for() -> None:
    async def scene(worker: Worker, lanes: Lanes) -> None:
        lane = Counting()
        work = worker.submit(lane, lambda: lane.ask(5 * UNREAD))
        while not work.full:
            await asyncio.sleep(0.001)
        other = Counting()
        await worker.submit(other, lambda: other.ask(3)).all()
        held = lane.count
        assert held < 4 * UNREAD
        assert len(await work.all()) == 5 * UNREAD

    play(scene)


def test_who_leaves_is_stepped_no_more() -> None:
    async def scene(worker: Worker, lanes: Lanes) -> None:
        lane = Counting()
        work = worker.submit(lane, lambda: lane.ask(10**9))
        async for _ in work.answers():
            break
        worker.cancel(work)
        while worker.busy:
            await asyncio.sleep(0.001)

    play(scene)


def test_a_dead_worker_is_known_and_everybody_hears_it() -> None:
    async def scene(worker: Worker, lanes: Lanes) -> None:
        lane = Counting()
        work = worker.submit(lane, lambda: lane.ask(10**6))
        with pytest.raises(RuntimeError, match="worker has ended"):
            await work.all()
        assert not worker.alive
        with pytest.raises(RuntimeError, match="worker has ended"):
            worker.submit(lane, lambda: None)

    play(scene)


def test_a_step_without_end_counts_as_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(worker: Worker, lanes: Lanes) -> None:
        assert worker.alive
        monkeypatch.setattr("recurra.serve.worker.STALLED", 1e-9)
        lanes.gated = True
        lane = Counting()
        work = worker.submit(lane, lambda: lane.ask(1))
        while worker.alive:
            await asyncio.sleep(0.001)
        lanes.gate.release()
        await work.all()

    play(scene)


def test_calls_have_their_turn_and_too_many_are_refused() -> None:
    async def scene() -> None:
        calls, order = Calls(2), []

        def part(name: str) -> Callable[[], list[str]]:
            return lambda: order.append(name) or [name]  # type: ignore[func-returns-value]

        first = asyncio.create_task(calls.run([part("a")] * 3))
        second = asyncio.create_task(calls.run([part("b")] * 2))
        await asyncio.sleep(0)
        with pytest.raises(RefusedError, match="2 requests wait already") as error:
            await calls.run([part("c")])
        assert error.value.status == 503
        assert await first == ["a"] * 3
        assert await second == ["b"] * 2
        assert order.index("b") < 2
        assert calls.waiting == 0
        calls.stop()

    asyncio.run(scene())
