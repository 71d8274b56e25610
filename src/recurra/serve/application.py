"""A model's server as an ASGI application: its routes follow from what the model can, its OpenAPI from their types."""

from __future__ import annotations

import importlib.metadata
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from recurra.errors import ModelFolderError, RecurraError, quoted
from recurra.serve import about, whole, written
from recurra.serve.refused import ClientLeftError, RefusedError
from recurra.serve.service import Service
from recurra.web import guarded, refusal
from recurra.web.origins import LOCAL

PUBLIC = ("/health",)
"""What anybody may ask, also without the token."""


def application(
    service: Service,
    *,
    hosts: Iterable[str] = LOCAL,
    origins: Collection[str] = (),
    token: str | None = None,
) -> ASGIApp:
    """All of it, guarded: see recurra.web. Errors: UsageError for a host or an origin that is none"""
    app = unguarded(service)
    return guarded(
        service.metrics.counting(json_alone(app)),
        hosts=hosts,
        origins=origins,
        token=token,
        public=PUBLIC,
        most_bytes=service.limits.most_bytes,
    )


def unguarded(service: Service) -> FastAPI:
    """The routes alone."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with service.running():
            yield

    app = FastAPI(
        title=f"Recurra: {service.run.folder.name}",
        description=f"{service.model.does[:1].upper()}{service.model.does[1:]}.",
        version=importlib.metadata.version("recurra"),
        responses=about.PROBLEMS,
        docs_url=None,  # pages that load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        generate_unique_id_function=lambda route: route.name,
    )
    for part in (about, whole, written):
        app.include_router(part.routes(service))
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(RecurraError, _of_model)
    app.add_exception_handler(RefusedError, _refused)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(ClientLeftError, _left)
    app.add_exception_handler(Exception, _bug)
    return app


def json_alone(app: ASGIApp) -> ASGIApp:
    """415 for a body that does not call itself JSON, which a page of another site could send as a form."""

    async def checked(scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope) if scope["type"] == "http" else {}
        if "transfer-encoding" in headers or headers.get("content-length", "0") != "0":
            kind = headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind != "application/json":
                message = f"a body is JSON, got {quoted(kind) if kind else 'one that does not say what it is'}"
                answer = refusal(415, f"{message}\nsend the header Content-Type: application/json")
                await answer(scope, receive, send)
                return
        await app(scope, receive, send)

    return checked


async def _invalid(request: Request, error: Any) -> Response:
    found = error.errors()[0]
    path = ".".join(str(part) for part in found["loc"][1:]) or "the body"
    if found["type"] == "json_invalid":
        return refusal(400, f"the body is no JSON: {found['ctx']['error']}")
    more = len(error.errors()) - 1
    message = f"{path[:200]}: {found['msg'][:1].lower()}{found['msg'][1:]}"
    return refusal(
        422, f"{message[:500]}{f', and {more:,} more' if more else ''}\nGET /openapi.json says what is taken"
    )


async def _of_model(request: Request, error: Any) -> Response:
    return refusal(500 if isinstance(error, ModelFolderError) else 422, str(error))


async def _refused(request: Request, error: Any) -> Response:
    return refusal(error.status, error.message, error.headers)


async def _of_http(request: Request, error: Any) -> Response:
    said = {
        400: "the body is no JSON, or nested too deeply",
        404: "there is no such path\nGET /openapi.json says which there are",
        405: "this path has another method",
    }
    headers = dict(error.headers or {})
    if error.status_code == 405:  # of a path with several methods, each is a route of its own, which knows itself alone
        headers["allow"] = ", ".join(sorted(_methods(request)))
    return refusal(error.status_code, said.get(error.status_code, str(error.detail)), headers)


def _methods(request: Request) -> set[str]:
    paths = request.app.openapi()["paths"]
    route = request.scope.get("route")
    return {method.upper() for method in paths.get(getattr(route, "path", ""), {})}


async def _bug(request: Request, error: Any) -> Response:
    return refusal(500, "this is a bug of the server; its standard error says more")


async def _left(request: Request, error: Any) -> Response:
    return Response(status_code=499)  # nobody reads it
