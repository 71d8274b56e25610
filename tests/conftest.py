"""What the whole suite needs of its surroundings."""

from __future__ import annotations

import os
import signal

for _threads in ("OMP_NUM_THREADS", "POLARS_MAX_THREADS", "RAYON_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")
"""Before torch is imported: the suite's networks are too small to share among threads, and `pytest -n 2` runs processes
side by side. What is about threads asks for its own number."""
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
"""Threads that wait let others work: there are fewer processors than threads where tests are about threads."""


def _not_waiting(handle: int) -> None:
    """Nobody pulls the plug on a test, and waiting for a disk thousands of times takes minutes."""
    os.fstat(handle)


os.fsync = _not_waiting


def pytest_configure() -> None:
    """A shell starts what runs in the background with SIGINT ignored, nohup with SIGHUP: tests of signals need them."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is not None and signal.getsignal(hangup) == signal.SIG_IGN:
        signal.signal(hangup, signal.SIG_DFL)
