"""A secret that who asks has to know."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Collection
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from recurra.web.refusals import refusal

COOKIE = "recurra-token"
"""The beginning of a cookie's name; the port follows, for a browser shows the cookies of one port to all of them."""


def new_token() -> str:
    """One that nobody guesses: 256 bits, in letters that an address may have."""
    return secrets.token_urlsafe(32)


def same(given: str, token: str) -> bool:
    """Whether they are one, in a time that does not say how much of it is."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), token.encode())


def cookie(headers: Headers) -> str:
    """The name of the cookie of the server that is asked."""
    _, _, port = headers.get("host", "").rpartition(":")
    return f"{COOKIE}-{port}" if port.isdigit() else COOKIE


class TokenGuard:
    """401 for a request that does not bring the token: `Authorization: Bearer TOKEN`.

    public: paths that anybody may ask
    pages: for people: a GET of an address with ?token=TOKEN sets a cookie, which scripts do not see and other sites do
    not send, and goes on to the same address without it, so that it stays in no history; the cookie then counts too
    """

    def __init__(self, app: ASGIApp, token: str, *, public: Collection[str] = (), pages: bool = False) -> None:
        self._app, self._token, self._public, self._pages = app, token, frozenset(public), pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in self._public or self._brought(Headers(scope=scope)):
            await self._app(scope, receive, send)
        elif (further := self._visited(scope)) is not None:
            response = RedirectResponse(further, 303)
            name, secure = cookie(Headers(scope=scope)), scope["scheme"] == "https"
            response.set_cookie(name, self._token, httponly=True, samesite="strict", secure=secure)
            await response(scope, receive, send)
        else:
            message = "this server wants its token\nsend it as a header: Authorization: Bearer TOKEN"
            await refusal(401, message, {"www-authenticate": "Bearer"})(scope, receive, send)

    def _brought(self, headers: Headers) -> bool:
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and same(given.strip(), self._token):
            return True
        return self._pages and same(cookie_parser(headers.get("cookie", "")).get(cookie(headers), ""), self._token)

    def _visited(self, scope: Scope) -> str | None:
        """Where to go on to, for a visit with the token in the address."""
        if not self._pages or scope["method"] != "GET":
            return None
        asked = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        if not any(name == "token" and same(value, self._token) for name, value in asked):
            return None
        rest = urlencode([(name, value) for name, value in asked if name != "token"])
        path = "/" + scope["path"].lstrip("/")  # two slashes in front would name another server
        return f"{path}?{rest}" if rest else path
