"""What is sent to a server, bounded in bytes and in time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import MappingProxyType

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from recurra.web.refusals import refusal

MOST = 1 << 20
"""Bytes of a body, unless a server says something else."""
SECONDS = 20.0
"""In which a body has to be there."""
NONE: Mapping[str, int] = MappingProxyType({})


class BodyBound:
    """Reads the body of each request before the application runs, which gets it in one piece.

    413 if it is announced as longer than `most` bytes, or is: no more than that and one piece more is held. larger:
    what holds instead of `most` for some paths.
    408 if it is not there after `seconds`, however its pieces come. 415 for one that is compressed, whose length says
    nothing.
    """

    def __init__(
        self, app: ASGIApp, most: int = MOST, seconds: float = SECONDS, larger: Mapping[str, int] = NONE
    ) -> None:
        self._app, self._most, self._seconds, self._larger = app, most, seconds, larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers, most = Headers(scope=scope), self._larger.get(scope["path"], self._most)
        announced = headers.get("content-length", "")
        if announced.isdigit() and (len(announced) > 18 or int(announced) > most):
            await _too_long(most)(scope, receive, send)
            return
        if headers.get("content-encoding", "identity") != "identity":
            await refusal(415, "a body is read as it is, not compressed")(scope, receive, send)
            return
        body = bytearray()
        try:
            async with asyncio.timeout(self._seconds):
                more = True
                while more:
                    message = await receive()
                    if message["type"] != "http.request":
                        return  # who asked has left
                    body += message.get("body", b"")
                    more = message.get("more_body", False)
                    if len(body) > most:
                        body.clear()
                        await _too_long(most)(scope, receive, send)
                        return
        except TimeoutError:
            answer = refusal(408, f"the body was not there after {self._seconds:g} s", {"connection": "close"})
            await answer(scope, receive, send)
            return
        whole: Message | None = {"type": "http.request", "body": bytes(body), "more_body": False}
        del body

        async def read() -> Message:
            nonlocal whole
            if whole is None:
                return await receive()  # that who asked has left
            message, whole = whole, None
            return message

        await self._app(scope, read, send)


def _too_long(most: int) -> ASGIApp:
    return refusal(413, f"a body has {most:,} bytes at most\nsend less at a time")
