"""Server-sent events: answers that are sent as they are found."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from recurra.data.files.json_text import storable
from recurra.errors import RecurraError
from recurra.serve.sessions import LEFT

ALIVE = b": alive\n\n"
"""A comment, so that nobody between takes the connection for dead."""


def event(name: str, data: Any) -> bytes:
    """One of them."""
    text = json.dumps(storable(data), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return f"event: {name}\ndata: {text}\n\n".encode()


class EventStream(StreamingResponse):
    """Sends events until there are no more, or nobody hears them: then they are closed at once."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncGenerator[bytes, None]) -> None:
        super().__init__(events, headers={"x-accel-buffering": "no"})
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        first = await anext(self._events)  # begun before anything is sent: one that never began would close nothing
        rest = self._after(first)
        self.body_iterator = rest
        try:
            await super().__call__(scope, receive, send)
        finally:
            await rest.aclose()
            await self._events.aclose()

    async def _after(self, first: bytes) -> AsyncGenerator[bytes, None]:
        yield first
        async for each in self._events:
            yield each


async def events_of(
    first: list[dict[str, Any]] | None,
    answers: AsyncIterator[list[dict[str, Any]]],
    name: str,
    end: Callable[[], dict[str, Any]],
    closed: Callable[[str | None], None],
    seconds: float,
) -> AsyncGenerator[bytes, None]:
    """Answers as events of this name, then one named end; one named error if they fail or take too long.

    first: those that are there already, None if there are none; closed: hears at the end what failed, None if all was
    sent
    """
    failed: str | None = LEFT
    deadline = asyncio.get_running_loop().time() + seconds
    try:
        while first is not None:
            yield b"".join([event(name, each) for each in first])
            async with asyncio.timeout_at(deadline):
                first = await anext(answers, None)
        yield event("end", end())
        failed = None
    except TimeoutError:
        failed = f"this took longer than {seconds:g} s; ask for less at a time"
        yield event("error", {"error": failed})
    except (RecurraError, RuntimeError) as error:
        failed = str(error)
        yield event("error", {"error": failed})
    finally:
        closed(failed)
