"""Work that arrives piece by piece, done by several threads at once, its results in the order in which it came."""

from __future__ import annotations

import ctypes
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import Generic, TypeVar

import torch

Work = TypeVar("Work")
Found = TypeVar("Found")

MOST_WORKERS = 4
"""More would wait for each other: what Python does of a piece, one thread does at a time."""


class Left(BaseException):
    """Nobody waits for what a thread does any more."""


class Ordered(Generic[Work, Found]):
    """Pieces of work and what was made of each, to be iterated over while it is entered.

    One thread reads them from `source`, others do them, each with its share of torch's threads, or with all where there
    is nothing else to do. A result is given as soon as those before it are found, whether or not more has arrived. Two
    pieces for each worker are read ahead. What fails in reading or working is raised in its place. To leave breaks off
    what is worked on, but not what waits for input.
    """

    def __init__(self, source: Iterable[Work], do: Callable[[Work], Found]) -> None:
        self._source, self._do = source, do
        self._threads = torch.get_num_threads()
        count = min(MOST_WORKERS, self._threads + 1)  # one computes while another waits for Python's lock
        self._share = -(-self._threads // count)
        self._waiting: queue.SimpleQueue[tuple[Work, Future[Found]] | None] = queue.SimpleQueue()
        self._results: queue.SimpleQueue[tuple[Work, Future[Found]] | BaseException | None] = queue.SimpleQueue()
        self._room = threading.Semaphore(2 * count)
        self._workers = [threading.Thread(target=self._work, daemon=True) for _ in range(count)]
        self._working: set[int] = set()
        self._changing = threading.Lock()
        self._left = False

    def __enter__(self) -> Iterator[tuple[Work, Found]]:
        threading.Thread(target=self._read, daemon=True).start()
        self._workers[0].start()
        return self._found()

    def __exit__(self, *_: object) -> None:
        """Workers have ended then: torch must not be at work when the interpreter ends."""
        self._left = True
        self._room.release()
        begun = [worker for worker in self._workers if worker.ident is not None]
        for _number in range(len(begun)):
            self._waiting.put(None)
        with self._changing:  # so that who is told still works, and is where it is caught
            for number in self._working:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(number), ctypes.py_object(Left))
        for worker in begun:
            worker.join()
        torch.set_num_threads(self._threads)

    def _read(self) -> None:
        try:
            for work in self._source:
                self._room.acquire()
                if self._left:
                    return
                piece: tuple[Work, Future[Found]] = work, Future()
                self._waiting.put(piece)
                self._results.put(piece)
        except BaseException as error:  # noqa: BLE001, it is raised where results are awaited
            self._results.put(error)
        else:
            self._results.put(None)

    def _work(self) -> None:
        try:
            while (piece := self._waiting.get()) is not None and not self._left:
                self._do_one(*piece)
        except Left:
            return

    def _do_one(self, work: Work, result: Future[Found]) -> None:
        own = threading.get_ident()
        with self._changing:
            self._working.add(own)
            alone = len(self._working) == 1 and self._waiting.empty()
        try:
            torch.set_num_threads(self._threads if alone else self._share)
            found = self._do(work)
        except BaseException as error:  # noqa: BLE001, it is raised where results are awaited
            result.set_exception(error)
        else:
            result.set_result(found)
        finally:
            with self._changing:
                self._working.discard(own)

    def _found(self) -> Iterator[tuple[Work, Found]]:
        """The first piece is done by one worker, which prepares what all use, such as packed weights."""
        while (piece := self._results.get()) is not None:
            if isinstance(piece, BaseException):
                raise piece
            work, result = piece
            found = result.result()
            for worker in self._workers:
                if worker.ident is None:
                    worker.start()
            self._room.release()
            yield work, found
