"""An application asked as a server asks it, and seen what goes in and out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Answer:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    pieces_read: int = 0

    @property
    def error(self) -> str:
        return str(json.loads(self.body)["error"])


async def asked(
    app: Any,
    method: str = "GET",
    target: str = "/",
    headers: dict[str, str] | list[tuple[str, str]] | None = None,
    pieces: Iterable[bytes] | AsyncIterator[bytes] = (b"",),
) -> Answer:
    """What it answers to a request whose body comes in these pieces; after the last one the client waits."""
    answer = Answer()
    given = headers.items() if isinstance(headers, dict) else headers or ()
    named = [(name.lower().encode(), value.encode("latin-1")) for name, value in given]
    if not any(name == b"host" for name, _ in named):
        named.append((b"host", b"127.0.0.1:8000"))
    path, _, query = target.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": named,
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 50000),
        "state": {},
    }

    async def all_pieces() -> AsyncIterator[bytes]:
        if hasattr(pieces, "__aiter__"):
            async for piece in pieces:
                yield piece
        else:
            for piece in pieces:
                yield piece

    source = all_pieces()
    following = await anext(source, None)

    async def receive() -> dict[str, Any]:
        nonlocal following
        if following is None:
            await asyncio.sleep(3600)
        answer.pieces_read += 1
        now, following = following, await anext(source, None)
        return {"type": "http.request", "body": now, "more_body": following is not None}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {name.decode(): value.decode("latin-1") for name, value in message["headers"]}
        else:
            answer.body += message.get("body", b"")

    await app(scope, receive, send)
    return answer


def ask(app: Any, *given: Any, **named: Any) -> Answer:
    return asyncio.run(asked(app, *given, **named))
