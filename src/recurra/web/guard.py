"""All guards of a server, in their order."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from recurra.web.bodies import MOST, NONE, SECONDS, BodyBound
from recurra.web.headers import JSON_ONLY, SecurityHeaders
from recurra.web.origins import LOCAL, HostGuard, OriginGuard, origin
from recurra.web.tokens import TokenGuard

__all__ = ["JSON_ONLY", "guarded"]


def guarded(
    app: ASGIApp,
    *,
    hosts: Iterable[str] = LOCAL,
    origins: Collection[str] = (),
    token: str | None = None,
    public: Collection[str] = (),
    pages: bool = False,
    policy: str = JSON_ONLY,
    most_bytes: int = MOST,
    larger: Mapping[str, int] = NONE,
    body_seconds: float = SECONDS,
) -> ASGIApp:
    """An application that is reached only by who may, see `origins`, `tokens`, `bodies` and `headers` here.

    hosts: the names that the server answers to; origins: of foreign pages that may ask, which get the headers of CORS;
    token: has to be brought, but for `public` paths; pages: by a cookie too; policy: Content-Security-Policy;
    most_bytes, body_seconds: of a body; larger: bytes of those of some paths
    Errors: UsageError for a host or an origin that is none
    """
    app = BodyBound(app, most_bytes, body_seconds, larger)
    if token is not None:
        app = TokenGuard(app, token, public=public, pages=pages)
    if origins:
        names = [origin(each) for each in origins]
        app = CORSMiddleware(app, names, ["GET", "POST", "DELETE"], ["authorization", "content-type"])
    return SecurityHeaders(HostGuard(OriginGuard(app, origins), hosts), policy)
