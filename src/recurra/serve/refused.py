"""What is said to a client whose request cannot be answered."""

from __future__ import annotations

from collections.abc import Mapping


class RefusedError(Exception):
    """With its status, and headers such as when to try again."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, dict(headers or {})


class ClientLeftError(Exception):
    """Nobody waits for the answer any more."""
