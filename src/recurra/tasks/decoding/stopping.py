"""Where a generated text ends before its length is reached."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from recurra.errors import UsageError


def check_stops(stops: str | Sequence[str]) -> tuple[str, ...]:
    """Stop strings as a tuple. Errors: UsageError for an empty one"""
    found = (stops,) if isinstance(stops, str) else tuple(stops)
    if "" in found:
        raise UsageError("a stop string is empty; every text would end at once")
    return found


class Stopping:
    """A text that arrives in pieces, up to the first place where one of the stop strings stands, without it.

    What may still become a stop string is held back until it is known. stopped: whether one stood there
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops, self._held, self.stopped = stops, "", False

    def add(self, piece: str) -> str:
        """What can be shown with a further piece; empty while nothing can."""
        held = self._held + piece
        keep = max((_begun(held, stop) for stop in self._stops), default=0)
        self._held = held[len(held) - keep :]
        first = self._first(held)
        if first is None or first > len(held) - keep:  # what begins before the first one may still be one itself
            return held[: len(held) - keep]
        self._held, self.stopped = "", True
        return held[:first]

    def end(self) -> str:
        """What was held back, when no more pieces come."""
        held, self._held = self._held, ""
        first = self._first(held)
        self.stopped = self.stopped or first is not None
        return held[:first]

    def _first(self, text: str) -> int | None:
        return min((place for stop in self._stops if (place := text.find(stop)) >= 0), default=None)


def until(pieces: Iterable[str], stops: Sequence[str]) -> Iterator[str]:
    """The pieces of a whole text, as `Stopping` shows them; none is asked for after it has stopped."""
    stopping = Stopping(stops)
    for piece in pieces:
        if text := stopping.add(piece):
            yield text
        if stopping.stopped:
            return
    if text := stopping.end():
        yield text


def _begun(text: str, stop: str) -> int:
    """How many characters at the end of the text begin the stop string."""
    return next((n for n in range(min(len(text), len(stop) - 1), 0, -1) if text.endswith(stop[:n])), 0)
