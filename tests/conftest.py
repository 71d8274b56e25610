"""What the whole suite needs of its surroundings."""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    """A shell starts what runs in the background with SIGINT ignored, nohup with SIGHUP: tests of signals need them."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is not None and signal.getsignal(hangup) == signal.SIG_IGN:
        signal.signal(hangup, signal.SIG_DFL)
