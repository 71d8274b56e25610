"""Requests that are answered by one call of the model: in a thread, one part of one request after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from recurra.serve.refused import ClientLeftError, RefusedError


class Calls:
    """most: requests that may wait; more are refused with 503"""

    def __init__(self, most: int) -> None:
        self._most, self.waiting = most, 0
        self._thread = ThreadPoolExecutor(1, "recurra-calls")

    async def run(self, parts: Iterable[Callable[[], list[Any]]]) -> list[Any]:
        """The answers of all parts, in their order. Between two of them others have their turn, and who has left ends.

        Errors: RefusedError 503 where too many wait already; what a part raises
        """
        if self.waiting >= self._most:
            raise RefusedError(503, f"{self.waiting} requests wait already\ntry again soon", {"retry-after": "1"})
        self.waiting += 1
        try:
            loop, found = asyncio.get_running_loop(), []
            for part in parts:
                found += await loop.run_in_executor(self._thread, part)
            return found
        finally:
            self.waiting -= 1

    def stop(self) -> None:
        """End the thread after the part that it is at."""
        self._thread.shutdown(wait=True, cancel_futures=True)


async def in_time(request: Any, answer: Any, seconds: float) -> Any:
    """What a coroutine finds, unless the client leaves or it takes too long; then it is cancelled.

    Errors: ClientLeftError; RefusedError 503
    """
    finding, leaving = asyncio.ensure_future(answer), asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({finding, leaving}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if finding.done():
            return finding.result()
        if leaving.done():
            raise ClientLeftError
        raise RefusedError(503, f"this was not answered within {seconds:g} s\nask for less at a time")
    finally:
        for task in (finding, leaving):
            task.cancel()
        await asyncio.gather(finding, leaving, return_exceptions=True)


async def _left(request: Any) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
