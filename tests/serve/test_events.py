"""Events that are sent, or not: what they hold is let go either way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from recurra.serve.events import EventStream, event

HTTP = {"type": "http", "asgi": {"spec_version": "2.3"}}


@pytest.mark.parametrize("sent", [0, 1, 2])
def test_who_hears_nothing_any_more_frees_what_is_held(sent: int) -> None:
    """Also a client that left before the head of the answer was sent."""
    freed: list[bool] = []

    async def events() -> AsyncGenerator[bytes, None]:
        try:
            while True:
                yield event("n", 1)
        finally:
            freed.append(True)

    async def play() -> None:
        messages: list[dict[str, Any]] = []

        async def send(message: Any) -> None:
            if len(messages) == sent:
                raise OSError("the connection is closed")
            messages.append(message)

        async def receive() -> Any:
            await asyncio.Event().wait()

        with pytest.raises(OSError, match="closed"):
            await EventStream(events())(HTTP, receive, send)
        assert freed == [True]

    asyncio.run(asyncio.wait_for(play(), 20))
