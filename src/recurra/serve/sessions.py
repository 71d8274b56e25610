"""Sequences that stay on the server between requests: who may go on with which, and until when."""

from __future__ import annotations

import asyncio
import math
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from recurra.serve.limits import Limits
from recurra.serve.refused import RefusedError

REMEMBERED = 1_024
"""Sessions that have ended of which the reason is known."""
EXPIRED = "this session has expired: nobody asked it for {:g} s"
ROOM = "this session made room for a new one: nobody asked it for a while, and there are {:,} at most"
CLOSED = "this session was closed"
LEFT = "this session was closed: its client left while it was answered"
UNKNOWN = "this session is gone: it has ended, or the server was started anew since"
OTHER = "this session is one of another model, which this server does not hold"
BEGIN = "\nbegin a new one: POST /sessions"


@dataclass
class Session:
    """A sequence of a client's. asked: when it was last, by the clock; busy: an answer is being found; held: a client
    stays connected to keep it; ended: set when it is gone, `reason` says why"""

    token: str
    lane: Any
    asked: float
    busy: bool = False
    held: bool = False
    reason: str | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class Sessions:
    """Those that are alive, by token; of one thread.

    A token is the model's mark and 256 random bits, so that one of another model is known as such. The least recently
    asked one makes room for a new one, but only if nobody has asked it for `idle_seconds`; a session that is gone is
    never begun anew under its token.
    mark: of the model; counted: hears why one ended, in a word
    """

    def __init__(
        self,
        limits: Limits,
        mark: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        counted: Callable[[str], None] = lambda why: None,
    ) -> None:
        self._limits, self._mark, self._clock, self._counted = limits, mark, clock, counted
        self._alive: OrderedDict[str, Session] = OrderedDict()
        self._gone: OrderedDict[str, str] = OrderedDict()

    def __len__(self) -> int:
        return len(self._alive)

    def open(self, lane: Any, *, held: bool = False) -> Session:
        """A new one. Errors: RefusedError 429 if there are as many as may be"""
        self.expire()
        if len(self._alive) >= self._limits.sessions and not self._make_room():
            wait = max(1, math.ceil(self._free_in()))
            raise RefusedError(
                429,
                f"there are {len(self._alive):,} sessions, as many as may be\ntry again in {wait} s, or close one",
                {"retry-after": str(wait)},
            )
        session = Session(f"{self._mark}.{secrets.token_urlsafe(32)}", lane, self._clock(), held=held)
        self._alive[session.token] = session
        return session

    def find(self, token: str) -> Session:
        """The one of this token, which is asked now. Errors: RefusedError 410 if it is gone, 404 if none can be"""
        self.expire()
        if (session := self._alive.get(token)) is not None:
            session.asked = self._clock()
            self._alive.move_to_end(token)
            return session
        mark, dot, rest = token.partition(".")
        if not dot or len(rest) != 43 or len(mark) != len(self._mark):
            raise RefusedError(404, "no session has such a token\nPOST /sessions begins one and says its token")
        raise RefusedError(410, (OTHER if mark != self._mark else self._gone.get(token, UNKNOWN)) + BEGIN)

    def take(self, token: str) -> Session:
        """As `find`, for an answer of its own. Errors: also RefusedError 409 while another one is found"""
        session = self.find(token)
        if session.busy:
            raise RefusedError(
                409, "this session is answering another request\nwait for its end, or begin a second one"
            )
        session.busy = True
        return session

    def give_back(self, session: Session) -> None:
        """The answer was found."""
        session.busy = False
        session.asked = self._clock()

    def close(self, session: Session, reason: str = CLOSED, why: str = "closed") -> None:
        """Its state is freed."""
        if self._alive.pop(session.token, None) is None:
            return
        session.reason, session.lane = reason, None
        session.ended.set()
        self._gone[session.token] = reason
        while len(self._gone) > REMEMBERED:
            self._gone.popitem(last=False)
        self._counted(why)

    def expire(self) -> None:
        """Close those that nobody asked for too long."""
        seconds = self._limits.session_seconds
        for session in self._unused(seconds):
            self.close(session, EXPIRED.format(seconds), "expired")

    def _unused(self, seconds: float) -> list[Session]:
        before = self._clock() - seconds
        return [s for s in self._alive.values() if not s.busy and not s.held and s.asked <= before]

    def _make_room(self) -> bool:
        idle = min(self._unused(self._limits.idle_seconds), key=lambda s: s.asked, default=None)
        if idle is None:
            return False
        self.close(idle, ROOM.format(self._limits.sessions), "made room")
        return True

    def _free_in(self) -> float:
        """Seconds until one may make room, if nobody asks it."""
        first = min((s.asked for s in self._alive.values() if not s.busy and not s.held), default=self._clock())
        return first + min(self._limits.idle_seconds, self._limits.session_seconds) - self._clock()
