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


def until(pieces: Iterable[str], stops: Sequence[str]) -> Iterator[str]:
    """The pieces up to the first place where one of the stop strings stands, without it.

    What may still become a stop string is held back until it is known.
    """
    held = ""
    for piece in pieces:
        held += piece
        indices = [place for stop in stops if (place := held.find(stop)) >= 0]
        if indices:
            if text := held[: min(indices)]:
                yield text
            return
        keep = max((_begun(held, stop) for stop in stops), default=0)
        if text := held[: len(held) - keep]:
            yield text
        held = held[len(held) - keep :]
    if held:
        yield held


def _begun(text: str, stop: str) -> int:
    """How many characters at the end of the text begin the stop string."""
    return next((n for n in range(min(len(text), len(stop) - 1), 0, -1) if text.endswith(stop[:n])), 0)
