"""ONNX Runtime in a process of its own, which sleeps while others are timed: its threads spin between calls."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Mapping
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
WAIT = 300.0
"""Seconds until a process is given up."""


class OnnxProcess:
    """A model held by another process. Errors: RuntimeError if that fails there"""

    def __init__(self, model: bytes, feeds: Mapping[str, Array], threads: int) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._connection, other = spawn.Pipe()
        self._process = spawn.Process(target=_serve, args=(other, model, dict(feeds), threads), daemon=True)
        self._process.start()
        other.close()
        self.outputs: list[Array] = self._answer()
        self._pause()

    def sample(self, seconds: float) -> float:
        """Seconds a call, of calls one after the other for about so long, after some that are not counted."""
        self._signal("SIGCONT")
        self._connection.send(seconds)
        found: float = self._answer()
        self._pause()
        return found

    def _answer(self) -> Any:
        if not self._connection.poll(WAIT):
            raise RuntimeError("ONNX Runtime's process does not answer")
        found = self._connection.recv()
        if isinstance(found, str):
            raise RuntimeError(found)
        return found

    def _pause(self) -> None:
        self._signal("SIGSTOP")

    def _signal(self, name: str) -> None:
        if self._process.pid is not None and self._process.is_alive():
            os.kill(self._process.pid, getattr(signal, name))

    def close(self) -> None:
        self._signal("SIGKILL")
        self._process.join(WAIT)
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _serve(connection: Connection, model: bytes, feeds: dict[str, Array], threads: int) -> None:
    try:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        connection.send([np.asarray(found) for found in session.run(None, feeds)])
        while True:
            seconds = connection.recv()
            session.run(None, feeds)
            begun = time.perf_counter()
            session.run(None, feeds)
            count = max(1, round(seconds / (time.perf_counter() - begun)))
            begun = time.perf_counter()
            for _ in range(count):
                session.run(None, feeds)
            connection.send((time.perf_counter() - begun) / count)
    except EOFError:
        return
    except (RuntimeError, ValueError, ImportError) as error:  # ONNX Runtime's own are RuntimeErrors
        connection.send(f"ONNX Runtime: {str(error).splitlines()[0]}")
