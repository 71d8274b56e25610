"""One writer at a time for a folder or a file, among the processes of one machine or of several that share a disk.

The lock on NAME is the file .NAME.lock beside it, held by the system's own lock on that file, which ends with the
process that has it; what stands in it only says who. Where the file system has no such locks, that decides.
"""

from __future__ import annotations

import errno
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from recurra.owners import Owner

PAUSE = 0.1
"""Seconds between two looks at a lock that another one has."""
YOUNG = 60.0
"""Seconds that a file without an owner in it may still get one."""
_WITHOUT = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL}
_TAKEN = {errno.EAGAIN, errno.EACCES, errno.EDEADLK}


class HeldError(Exception):
    """Another one has the lock. `owner`: who, None if that is not known (yet)."""

    def __init__(self, path: Path, owner: Owner | None) -> None:
        super().__init__(f"{path} is being written by {'another process' if owner is None else owner.describe()}")
        self.owner = owner


@dataclass
class Lock:
    """A lock that this process has, in one of its threads."""

    path: Path
    file: Path
    handle: int
    thread: int

    def release(self) -> None:
        """Give it back; more than once is the same as once."""
        if _HELD.get(self.path) is self:
            del _HELD[self.path]
            # still locked: who waits for it finds that it is gone and makes a new one
            _unlink(self.file) or _unlink(self.file)
            os.close(self.handle)

    def __enter__(self) -> Lock:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


_HELD: dict[Path, Lock] = {}


def acquire(path: Path) -> Lock:
    """The lock on `path`, which need not exist; its folder must.

    Errors: HeldError if another process or thread has it; OSError if no file can be made there
    """
    path = path.resolve()
    file = path.with_name(f".{path.name}.lock")
    while True:
        handle, made = _open(file)
        try:
            locked = _lock(handle)
            if locked is False or (locked is None and not made and _may_live(handle)):
                raise HeldError(path, Owner.from_json(_content(handle)))
            if _is_at(handle, file):
                os.ftruncate(handle, 0)
                os.lseek(handle, 0, os.SEEK_SET)
                os.write(handle, Owner.here().to_json())
                _HELD[path] = lock = Lock(path, file, handle, threading.get_ident())
                return lock
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


@contextmanager
def holding(path: Path, *, patience: float = 0.0, notify: Callable[[str], None] | None = None) -> Iterator[None]:
    """The lock on `path` while this is entered; nothing is done where this thread has it already.

    patience: wait so many seconds for others; notify: hears once for whom, if it takes longer than a second
    Errors: as `acquire`
    """
    own = _HELD.get(path.resolve())
    if own is not None and own.thread == threading.get_ident():
        yield
        return
    began, notified = time.monotonic(), notify is None
    while True:
        try:
            lock = acquire(path)
            break
        except HeldError as held:
            waited = time.monotonic() - began
            if waited >= patience:
                raise
            if notify is not None and not notified and waited > 1:
                notify(f"waiting: {held}")
                notified = True
            time.sleep(PAUSE)
    with lock:
        yield


def is_held(path: Path) -> bool:
    """Whether somebody seems to have the lock, by what stands in it: asking takes it from nobody."""
    path = path.resolve()
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    with suppress(OSError):
        handle = os.open(path.with_name(f".{path.name}.lock"), flags)
        try:
            return _may_live(handle)
        finally:
            os.close(handle)
    return False


def forget() -> None:
    """Take the files of all locks away, for a process that ends at once; the system ends the locks."""
    for lock in list(_HELD.values()):
        _unlink(lock.file)


def _unlink(file: Path) -> bool:
    try:
        os.unlink(file)
    except OSError:
        return False
    return True


def _open(file: Path) -> tuple[int, bool]:
    """A handle, and whether the file was made by that."""
    flags = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0)
    while True:
        with suppress(FileExistsError):
            return os.open(file, flags | os.O_CREAT | os.O_EXCL, 0o666), True
        with suppress(FileNotFoundError):  # taken away between the two
            return os.open(file, flags), False


def _lock(handle: int) -> bool | None:
    """Whether the system's lock could be had; None where the file system has none."""
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(handle, 1 << 20, os.SEEK_SET)  # a byte beyond the content, which others may read
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _TAKEN:
            return False
        if error.errno in _WITHOUT:
            return None
        raise
    return True


def _may_live(handle: int) -> bool:
    """Without locks of the system's: whether the one that stands in the file runs, or has just made it."""
    owner = Owner.from_json(_content(handle))
    return time.time() - os.fstat(handle).st_mtime < YOUNG if owner is None else owner.may_live()


def _content(handle: int) -> bytes:
    os.lseek(handle, 0, os.SEEK_SET)
    return os.read(handle, 10_000)


def _is_at(handle: int, file: Path) -> bool:
    """Whether the file is still the one that was opened: who had the lock takes its file away."""
    try:
        return os.path.samestat(os.fstat(handle), file.lstat())
    except FileNotFoundError:
        return False
