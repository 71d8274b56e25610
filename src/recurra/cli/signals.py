"""Signals that end a command. Imports next to nothing, so that they are heard from the first moment on."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType
from typing import Any

from recurra.training.signals import STOPPING, Interrupted, number_of

SAID = {"SIGINT": "interrupted", "SIGTERM": "terminated", "SIGHUP": "the terminal hung up"}


def describe_signal(number: int) -> str:
    """A signal, in words."""
    return SAID.get(signal.Signals(number).name, "stopped")


class Listening:
    """While it is entered, a signal is an `Interrupted`, so that what is open is closed; training takes it over.

    ending: the process ends when this is left. Then a second signal, one during an import, which may not fail halfway,
    and one that an exception would be lost on end it at once, and no signal is a traceback any more afterwards.
    What is ignored, as SIGHUP under nohup, stays ignored.
    """

    def __init__(self, *, ending: bool) -> None:
        self.ending = ending
        self.received: int | None = None
        self._before: dict[int, Any] = {}
        self._hook = sys.unraisablehook

    def __enter__(self) -> Listening:
        if threading.current_thread() is threading.main_thread():
            for number in STOPPING:
                if signal.getsignal(number) is not signal.SIG_IGN and (self.ending or number != signal.SIGINT):
                    self._before[number] = signal.signal(number, self._end)
            if self.ending:
                sys.unraisablehook = self._lost
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if self.ending and isinstance(error, KeyboardInterrupt):
            leave(number_of(error))
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if self.ending or handler is None else handler)
        self._before.clear()
        if not self.ending:
            sys.unraisablehook = self._hook

    def _end(self, number: int, frame: FrameType | None) -> None:
        if self.ending and (self.received is not None or _importing(frame)):
            leave(number)
        self.received = number
        raise Interrupted(number)

    def _lost(self, what: Any) -> None:
        """An exception in a finalizer goes nowhere."""
        if isinstance(what.exc_value, KeyboardInterrupt):
            leave(number_of(what.exc_value))
        self._hook(what)


def leave(number: int) -> None:
    """End the process now. What is written to disk may be cut off at any moment, so nothing is lost by it."""
    locks = sys.modules.get("recurra.locks")
    if locks is not None:
        locks.forget()
    try:
        os.write(2, f"recurra: {describe_signal(number)}\n".encode())
    finally:
        os._exit(128 + number)


def _importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False
