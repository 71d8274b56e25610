"""Which of the processes of a run this one is, as torchrun says in the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from recurra.errors import UsageError

NUMBERS = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
NEEDED = (*NUMBERS, "MASTER_ADDR", "MASTER_PORT")


@dataclass(frozen=True)
class Place:
    """Rank and number of processes, of the whole run and of this machine."""

    rank: int = 0
    count: int = 1
    local_rank: int = 0
    local_count: int = 1

    @property
    def first(self) -> bool:
        """Whether this one writes and talks."""
        return self.rank == 0

    @property
    def machines(self) -> int:
        return -(-self.count // self.local_count)


def place(environment: Mapping[str, str] = os.environ) -> Place:
    """Where this process stands; alone unless all that torchrun sets is set. Errors: UsageError"""
    if any(name not in environment for name in NEEDED):
        return Place()
    try:
        rank, count, local_rank, local_count = (int(environment[name]) for name in NUMBERS)
    except ValueError:
        rank, count, local_rank, local_count = -1, 0, 0, 0
    if not (0 <= rank < count and 0 <= local_rank < local_count <= count):
        given = ", ".join(f"{name}={environment[name]:.20}" for name in NUMBERS)
        raise UsageError(f"the environment of several processes does not fit together: {given}\nstart with torchrun")
    return Place(rank, count, local_rank, local_count)
