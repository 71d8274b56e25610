"""Who asks: the name that a server was asked by, and the page that has a browser ask.

A page of anywhere can have its own name point to 127.0.0.1 and ask what listens there (DNS rebinding), so that a server
answers to its own names alone; and it can send a form to another's, so that a foreign Origin is refused before anything
is read.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from recurra.errors import UsageError, quoted
from recurra.web.refusals import refusal

LOCAL = ("127.0.0.1", "localhost", "[::1]")
"""Names of this machine that no other can have."""
_HOST = re.compile(r"(\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::\d{1,5})?")
_ORIGIN = re.compile(r"https?://(\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::\d{1,5})?")


def host_name(name: str) -> str:
    """A name that a server may be asked by, in lower case. Errors: UsageError for one with a port, a path or a star"""
    if (found := _HOST.fullmatch(name)) is None or found[1] != name:
        raise UsageError(f"{quoted(name)} is no host name\ngive it as it stands in an address: models.example.org")
    return name.lower()


def origin(text: str) -> str:
    """A page's origin, in lower case. Errors: UsageError for anything else"""
    if _ORIGIN.fullmatch(text) is None:
        raise UsageError(f"{quoted(text)} is no origin\nan origin is as https://app.example.org, without a path")
    return text.lower()


def names_of(host: str, others: Iterable[str] = ()) -> list[str]:
    """The names that a server answers to which listens on an address: this machine's, the address unless it means all
    addresses of the machine, and others that it is given."""
    own = [] if host in ("", "0.0.0.0", "::") else [bracketed(host)]
    return list(dict.fromkeys([*LOCAL, *own, *others]))


def bracketed(host: str) -> str:
    """As it stands in an address."""
    return f"[{host}]" if ":" in host else host


class HostGuard:
    """421 for a request by a name that is not the server's: one Host header, with any port.

    hosts: the names, as `host_name` takes them
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self._app, self._hosts = app, frozenset(map(host_name, hosts))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            found = Headers(scope=scope).getlist("host")
            name = _HOST.fullmatch(found[0]) if len(found) == 1 else None
            if name is None or name[1].lower() not in self._hosts:
                asked = quoted(found[0]) if found else "no name"
                message = f"this server does not answer to {asked}\nit is started with the names that it answers to"
                await refusal(421, message)(scope, receive, send)
                return
        await self._app(scope, receive, send)


class OriginGuard:
    """403 for what a foreign page has a browser ask.

    Without an Origin, as links and pictures are asked for, a browser's Sec-Fetch-Site says whose page it is; to follow
    a link is allowed. Who is no browser sends neither. Stands behind a HostGuard: the Host is the server's.
    origins: pages that may ask besides those of the server itself
    """

    def __init__(self, app: ASGIApp, origins: Collection[str] = ()) -> None:
        self._app, self._origins = app, frozenset(map(origin, origins))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (page := self._foreign(scope)) is not None:
            message = f"a page of {page} may not ask this server\nit is started with the origins that may"
            await refusal(403, message)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _foreign(self, scope: Scope) -> str | None:
        headers = Headers(scope=scope)
        given = headers.getlist("origin")
        if given:
            own = f"{scope['scheme']}://{headers['host']}".lower()
            known = len(given) == 1 and (given[0].lower() == own or given[0].lower() in self._origins)
            return None if known else quoted(given[0])
        if headers.get("sec-fetch-site", "none") in {"none", "same-origin"}:
            return None
        follows = headers.get("sec-fetch-mode") == "navigate" and scope["method"] in {"GET", "HEAD"}
        return None if follows else "another site"
