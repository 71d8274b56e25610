"""Ctrl-C, termination and a terminal that hangs up, between steps."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

STOPPING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)  # Windows has no SIGHUP
"""What asks a process to end."""


class Interrupted(KeyboardInterrupt):
    """A signal that ends the process, where nothing waits for it. `number` is the signal's."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


def number_of(interruption: KeyboardInterrupt) -> int:
    """The signal's number; Python's own exception is SIGINT's."""
    return interruption.number if isinstance(interruption, Interrupted) else int(signal.SIGINT)


class StopRequest:
    """While it is entered, the first signal is only noted; a second one does what it does outside.

    A hang-up that is ignored stays so, as under nohup, and as a second signal it says nothing new: kernel and shell
    both send one. What is noted in one that an exception ends, the one around it notes too. received: the signal's
    number, or None. Off the main thread, where Python has no signals, nothing is caught.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self.enough = False
        """Whether a callback wants no more training, which is no signal."""
        self._before: dict[int, Any] = {}

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            for number in STOPPING:
                if number == signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        around = self._before.get(self.received) if self.received is not None else None
        while self._before:
            self._give_back(next(iter(self._before)))
        owner = getattr(around, "__self__", None)
        if error is not None and isinstance(owner, StopRequest) and owner.received is None:
            owner.received = self.received

    def _give_back(self, number: int) -> None:
        handler = self._before.pop(number)
        signal.signal(number, signal.SIG_DFL if handler is None else handler)  # None: it was not set from Python

    def _note(self, number: int, _: FrameType | None) -> None:
        if self.received is None:
            self.received = number
        elif number != getattr(signal, "SIGHUP", None) and number in self._before:
            self._give_back(number)
            signal.raise_signal(number)
