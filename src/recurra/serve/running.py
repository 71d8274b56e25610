"""Serving a run until a signal."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from recurra.errors import UsageError
from recurra.serve.application import application
from recurra.serve.limits import Limits
from recurra.serve.service import Service
from recurra.terminal import whole
from recurra.web import Server
from recurra.web.origins import names_of

if TYPE_CHECKING:
    from recurra.api.run import Run

SHORTEST_TOKEN = 16


@dataclass(frozen=True)
class Place:
    """Where a server listens, and who may ask it.

    port: 0 takes a free one; names: that it answers to besides those of this machine; origins: of web pages that may
    ask it; token: that has to be brought, None for no such thing; drain: seconds in which what is being answered at a
    signal to stop has to be answered
    """

    host: str = "127.0.0.1"
    port: int = 8000
    names: Collection[str] = ()
    origins: Collection[str] = ()
    token: str | None = None
    drain: float = 20.0

    @property
    def hosts(self) -> tuple[str, ...]:
        """All names that it answers to."""
        return tuple(names_of(self.host, self.names))


def server_of(run: Run, place: Place, limits: Limits = Limits()) -> tuple[Server, Service]:
    """A server that has its port already. Errors: UsageError for a port that cannot be had, a name that is none"""
    service = Service(run, limits)
    app = application(service, hosts=place.hosts, origins=place.origins, token=place.token)
    return Server(app, place.host, place.port, most_connections=limits.connections, drain=place.drain), service


def serve(
    run: Run,
    place: Place,
    limits: Limits = Limits(),
    *,
    threads: int | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> None:
    """Serve a run until SIGINT, SIGTERM or SIGHUP; what was asked by then is answered.

    threads: of a product, one less than there are cores if None; say: hears what the server is, when it answers
    Errors: as `server_of`
    """
    server, service = server_of(run, place, limits)
    torch.set_num_threads(threads or max(1, torch.get_num_threads() - 1))

    def ready(address: str) -> None:
        for line in _said(service, place, address):
            say(line)

    server.run(ready)


def token_of(path: Path) -> str:
    """The first line of a file. Errors: UsageError for an empty or a short one; OSError"""
    token = whole(path.read_bytes().decode("utf-8", "replace")).split("\n")[0].strip()
    if len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise UsageError(
            f"{path}: a token has {SHORTEST_TOKEN} letters, digits and signs at least\n"
            "python -c 'import secrets; print(secrets.token_urlsafe(32))' makes one"
        )
    return token


def _said(service: Service, place: Place, address: str) -> list[str]:
    limits = service.limits
    lines = [f"serving {service.run.folder} at {address}; its routes: {address}/openapi.json; Ctrl-C ends it"]
    if service.lanes is not None:
        size = service.session_bytes
        total = limits.sessions * size / 1e6
        lines.append(f"sessions: {limits.sessions:,} at most, {size:,} bytes each, {total:,.1f} MB together")
    if place.token is None and not address.startswith(("http://127.", "http://[::1]", "http://localhost")):
        lines.append("anybody who reaches this port may ask; --token-file FILE has them bring a token")
    return lines
