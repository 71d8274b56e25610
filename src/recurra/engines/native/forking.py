"""A forked process has its parent's memory, and none of its threads.

OpenMP waits for its threads for ever there, torch's operations and the core's alike. After a fork from a process that
had such threads, the core starts its own for each call, and the first layer that runs sets torch to one thread and says
so.
"""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path

_after_fork: list[Callable[[], None]] = []
"""What has to be done in a child whose parent had threads."""

_lost_threads = False
"""Whether this process, or one that it descends from by forks, lost the threads of OpenMP."""

pending = False
"""Whether that is still to be reported, and torch to be set to one thread."""

_had_threads = False


def has_lost_threads() -> bool:
    """Whether OpenMP would wait here for threads that a fork did not take along."""
    return _lost_threads


def when_threads_are_lost(do: Callable[[], None]) -> None:
    """Have this done in every child that loses threads, before anything else runs there."""
    _after_fork.append(do)


def settle() -> None:
    """Set torch to one thread in a process that lost its threads, and say so, once."""
    global pending
    if not pending:
        return
    pending = False
    import torch

    if (threads := torch.get_num_threads()) > 1:
        torch.set_num_threads(1)
        warnings.warn(
            f"this process was forked from one whose threads it does not have, so torch's operations on {threads} "
            "threads would wait for ever: torch and recurra run on one thread here. Start processes by "
            'multiprocessing.get_context("spawn") for more',
            RuntimeWarning,
            stacklevel=4,
        )


def _look() -> None:
    global _had_threads
    _had_threads = _foreign_threads()


def _foreign_threads() -> bool:
    """Whether there are more threads than Python's; for want of knowing, whether torch may have started some."""
    try:
        return len(list(Path("/proc/self/task").iterdir())) > threading.active_count()
    except OSError:
        torch = sys.modules.get("torch")
        return torch is not None and torch.get_num_threads() > 1


def _mark() -> None:
    global _lost_threads, pending
    if _had_threads or _lost_threads:
        _lost_threads = pending = True
        for do in _after_fork:
            do()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_look, after_in_child=_mark)
