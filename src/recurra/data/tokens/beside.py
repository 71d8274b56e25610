"""Texts cut into words by processes beside this one, so that a large file is read by all processors."""

from __future__ import annotations

import logging
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from itertools import chain, islice
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from recurra.data.tokens.cut import Cut, Numbered, Numbering
from recurra.data.tokens.cutter import answer, ask, begin
from recurra.data.tokens.numbers import Numbers

log = logging.getLogger("recurra.data")

WORTH = 1 << 25
"""Bytes of text from which on processes are started, each of which takes some tenths of a second for that."""
MOST = 8
"""More would wait for the one that numbers what they find."""
AHEAD = 2
"""Lists of texts that wait for each process."""

_allowed: ContextVar[int] = ContextVar("processes", default=1)


@contextmanager
def processes(count: int) -> Iterator[None]:
    """While entered, as many may cut texts for this thread; without it none is ever started."""
    token = _allowed.set(count)
    try:
        yield
    finally:
        _allowed.reset(token)


class Drafts(NamedTuple):
    """Some texts as numbers of their words. Shapes: sizes int64 [texts], words of each; ids uint32 [words of all]"""

    sizes: npt.NDArray[np.int64]
    ids: npt.NDArray[np.uint32]


def number_all(words: Numbers, cut: Cut, lists: Iterable[Sequence[str]], *, size: int) -> Iterator[Drafts]:
    """Lists of texts in their order, cut and numbered: by as many processes as may, if they are so large.

    size: bytes of all of them, about
    """
    with ExitStack() as until_done:
        beside = _started(cut, min(MOST, _allowed.get()), until_done) if size >= WORTH else []
        if beside:
            tables = {process.pid: np.zeros(0, np.uint32) for process in beside}
            for pid, found in _cut_by_all(beside, cut, lists, until_done):
                table = np.concatenate([tables[pid][: found.known], words.of(found.words)])
                tables[pid] = table
                yield Drafts(found.sizes, table[found.ids])
            return
        for texts in lists:
            each = [cut(text) for text in texts]
            yield Drafts(np.fromiter(map(len, each), np.int64, len(each)), words.of(list(chain.from_iterable(each))))


def _cut_by_all(
    beside: Sequence[subprocess.Popen[bytes]], cut: Cut, lists: Iterable[Sequence[str]], until_done: ExitStack
) -> Iterator[tuple[int, Numbered]]:
    """With whose numbers these are. Each thread has a process of its own, so that each process's come in order."""
    idle: queue.SimpleQueue[subprocess.Popen[bytes]] = queue.SimpleQueue()
    for each in beside:
        idle.put(each)
    own = threading.local()

    def begin() -> None:
        own.process = idle.get()

    def by_one(texts: Sequence[str]) -> tuple[int, Numbered]:
        found = _asked(own.process, texts)
        return own.process.pid, Numbering(cut).of(texts) if found is None else found

    pool = until_done.enter_context(ThreadPoolExecutor(len(beside), "recurra-cutting", begin))
    waiting: deque[Future[tuple[int, Numbered]]] = deque()
    left = iter(lists)
    try:
        while True:
            for texts in islice(left, AHEAD * len(beside) - len(waiting)):
                waiting.append(pool.submit(by_one, texts))
            if not waiting:
                return
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def _started(cut: Cut, count: int, until_done: ExitStack) -> list[subprocess.Popen[bytes]]:
    """As many processes; none where one alone may work, no Python can be started, or words need a dictionary."""
    if count < 2 or not sys.executable or getattr(sys, "frozen", False) or cut.split == "chinese":
        return []
    command = [sys.executable, "-P", "-c", "from recurra.data.tokens.cutter import main; main()"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    found: list[subprocess.Popen[bytes]] = []
    try:
        for _ in range(count):
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
            )
            until_done.callback(_ended, process)
            assert process.stdin is not None
            begin(process.stdin, cut)
            found.append(process)
    except OSError as error:
        log.info("texts are cut by one process, for another could not be started: %s", error)
        return []
    return found


def _asked(process: subprocess.Popen[bytes], texts: Sequence[str]) -> Numbered | None:
    """What a process finds; None if it has ended."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        ask(process.stdin, texts)
        return answer(process.stdout)
    except (EOFError, OSError, ValueError):
        return None


def _ended(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        assert stream is not None
        with suppress(OSError):  # what was not written yet
            stream.close()
