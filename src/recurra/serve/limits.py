"""What a server takes at most. Each bound has an answer that says it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds of one request, and of all together.

    most_bytes: of a body; items: texts, groups or sequences of a request; characters: of one text; tokens: that are
    written for a request; frames: of a request; count: texts or sequences that are written; seconds: until a request
    is answered; waiting: requests that wait for their turn; connections: open at a time
    sessions: at a time; session_seconds: until one that nobody asks expires; idle_seconds: until one that nobody asks
    may make room for a new one
    """

    most_bytes: int = 1 << 20
    items: int = 1_000
    characters: int = 10_000
    tokens: int = 10_000
    frames: int = 10_000
    count: int = 100
    seconds: float = 120.0
    waiting: int = 64
    connections: int = 512
    sessions: int = 256
    session_seconds: float = 600.0
    idle_seconds: float = 60.0
