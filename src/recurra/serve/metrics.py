"""What a monitoring system may ask: how much is asked, how long it takes, what is held."""

from __future__ import annotations

import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """Of one server, in a registry of its own."""

    def __init__(self) -> None:
        self._registry = own = CollectorRegistry()
        self._requests = Counter("recurra_requests", "Requests that were answered", ["route", "status"], registry=own)
        self._seconds = Histogram(
            "recurra_request_seconds", "Until the whole answer was sent", ["route"], buckets=SECONDS, registry=own
        )
        self._rows = Histogram("recurra_step_rows", "Sequences that were stepped together", buckets=ROWS, registry=own)
        self._step = Histogram("recurra_step_seconds", "Of one step of all of them", buckets=SECONDS, registry=own)
        self._ended = Counter("recurra_sessions_ended", "Sessions that ended, by reason", ["reason"], registry=own)

    def watch(self, name: str, what: str, value: Callable[[], float]) -> None:
        """A number that is read when it is asked for."""
        Gauge(f"recurra_{name}", what, registry=self._registry).set_function(value)

    def ended(self, reason: str) -> None:
        """A session did."""
        self._ended.labels(reason).inc()

    def stepped(self, rows: int, seconds: float) -> None:
        """So many rows took so long."""
        self._rows.observe(rows)
        self._step.observe(seconds)

    def text(self) -> bytes:
        """All of them, as Prometheus reads it."""
        return generate_latest(self._registry)

    def counting(self, app: ASGIApp) -> ASGIApp:
        """The application, its answers counted by route."""

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            begun, status = time.perf_counter(), "left"

            async def sending(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = str(message["status"])
                await send(message)

            try:
                await app(scope, receive, sending)
            finally:
                route = getattr(scope.get("route"), "path", "none")  # not the path, of which there are endlessly many
                self._requests.labels(route, status).inc()
                self._seconds.labels(route).observe(time.perf_counter() - begun)

        return counted
