"""What every answer tells a browser that it may do with it."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ALWAYS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
JSON_ONLY = "default-src 'none'; frame-ancestors 'none'"
"""The Content-Security-Policy of answers that are no pages: nothing is loaded, run or framed."""


class SecurityHeaders:
    """Adds them to every answer, errors included; one of the application's own stands.

    policy: the Content-Security-Policy
    """

    def __init__(self, app: ASGIApp, policy: str = JSON_ONLY) -> None:
        self._app = app
        self._headers = {**ALWAYS, "content-security-policy": policy, "cache-control": "no-store"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)
