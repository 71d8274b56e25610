"""Connections that cannot be held by being slow, as uvicorn's own can."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


@dataclass(frozen=True)
class Patience:
    """Seconds that a connection waits for who is at its other end.

    head: for the head of a request, from the connection or from its first byte on; idle: for a further request;
    reading: until what was sent has been read; unread: what is still sent of a body that was refused is read so long,
    so that the refusal arrives, and dropped
    """

    head: float = 10.0
    idle: float = 5.0
    reading: float = 10.0
    unread: float = 2.0


class Connection(H11Protocol):
    """One of HTTP/1.1, closed when somebody's patience ends. What it served then hears that the client has left."""

    patience = Patience()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._within("head", self.patience.head, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if (self.cycle is None or self.cycle.response_complete) and not self._timers:
            self._within("head", self.patience.head, self.transport.close)
        super().data_received(data)

    def handle_events(self) -> None:
        before = self.cycle
        super().handle_events()
        if self.cycle is not before:
            self._done("head")
            self._done("unread")

    def on_response_complete(self) -> None:
        if self.conn.their_state is h11.SEND_BODY:
            self._within("unread", self.patience.unread, self.transport.close)
        super().on_response_complete()
        if self.transport.is_closing():
            self._within("reading", self.patience.reading, self.transport.abort)

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._within("reading", self.patience.reading, self.transport.abort)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._within("reading", self.patience.reading, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._done("reading")

    def _within(self, name: str, seconds: float, end: Callable[[], None]) -> None:
        self._done(name)
        self._timers[name] = self.loop.call_later(seconds, end)

    def _done(self, name: str) -> None:
        if (timer := self._timers.pop(name, None)) is not None:
            timer.cancel()


def connections(patience: Patience) -> type[Connection]:
    """Those that are so patient."""
    return type("Connection", (Connection,), {"patience": patience})
