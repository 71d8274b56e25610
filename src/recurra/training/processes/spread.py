"""Parts of an evaluation, each done by one process and known to all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

from recurra.training.processes.place import Place

Work = TypeVar("Work")
Found = TypeVar("Found")


class Gathering(Protocol):
    """Who works together."""

    place: Place

    def gather(self, own: list[Found]) -> list[list[Found]]:
        """What each process gives, by rank."""


_together: list[Gathering] = []


@contextmanager
def shared_by(processes: Gathering) -> Iterator[None]:
    """Meanwhile `spread` divides its work among them: all of them must be in it, with the same work."""
    _together.append(processes)
    try:
        yield
    finally:
        _together.pop()


def working_together() -> int:
    """Among how many processes `spread` divides its work at the moment."""
    return _together[-1].place.count if _together else 1


def spread(work: Iterable[Work], do: Callable[[Work], Found]) -> list[Found]:
    """What `do` makes of each part, in their order. What a process finds itself and what others send is the same, so
    that numbers made of all of it are those of one process."""
    if not _together:
        return [do(part) for part in work]
    processes, parts = _together[-1], list(work)
    rank, count = processes.place.rank, processes.place.count
    by_rank = processes.gather([do(part) for part in parts[rank::count]])
    return [by_rank[number % count][number // count] for number in range(len(parts))]
