"""Several processes of one run, forked off a test: nothing is imported again in them."""

from __future__ import annotations

import os
import pickle
import re
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any


def forked(count: int, do: Callable[[int], Any], folder: Path, *, seconds: float = 120) -> list[Any]:
    """What `do(rank)` gives in each of so many processes, whose environment is as torchrun makes it.

    A process that fails is an AssertionError with its traceback.
    """
    children = started(count, do, folder)
    codes = ended(children, seconds)
    for rank, code in enumerate(codes):
        assert code == 0, f"process {rank} ended with {code}: {_said(folder, rank)}"
    return [pickle.loads((folder / f"found-{rank}").read_bytes()) for rank in range(count)]  # noqa: S301


def started(count: int, do: Callable[[int], Any], folder: Path) -> list[int]:
    """The processes' ids."""
    folder.mkdir(parents=True, exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    sys.stdout.flush()
    sys.stderr.flush()
    return [_child(rank, count, port, do, folder) for rank in range(count)]


def ended(children: list[int], seconds: float = 120) -> list[int]:
    """Their exit codes; those that are still there after so long are killed: -9."""
    until, codes = time.monotonic() + seconds, dict[int, int]()
    while len(codes) < len(children):
        for child in children:
            if child not in codes and (found := os.waitpid(child, os.WNOHANG))[0]:
                codes[child] = os.waitstatus_to_exitcode(found[1])
        if time.monotonic() > until:
            for child in children:
                if child not in codes:
                    os.kill(child, signal.SIGKILL)
        time.sleep(0.01)
    return [codes[child] for child in children]


def said(folder: Path, rank: int) -> str:
    """What a process has written to stderr, but for torch's C++, whose warnings only a process that has not loaded it
    yet can switch off."""
    written = (folder / f"stderr-{rank}").read_text(encoding="utf-8")
    return re.sub(
        r"^\[(rank\d+\]:\[)?W.*\n(Exception raised.*\n)?(frame #.*\n|<omitting .*\n)*\n*", "", written, flags=re.M
    )


_said = said


def _child(rank: int, count: int, port: int, do: Callable[[int], Any], folder: Path) -> int:
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        file = os.open(folder / f"stderr-{rank}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, 2)
        sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)  # pytest's own goes elsewhere
        numbers = {"RANK": rank, "WORLD_SIZE": count, "LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": count}
        os.environ.update({name: str(value) for name, value in numbers.items()})
        os.environ.update({"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)})
        found = do(rank)
        (folder / f"found-{rank}").write_bytes(pickle.dumps(found))
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)
