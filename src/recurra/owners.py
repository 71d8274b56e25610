"""Which process wrote something, told apart from all others: process numbers are used again, and by every machine."""

from __future__ import annotations

import datetime
import functools
import hashlib
import json
import os
import platform
import sys
from dataclasses import asdict, dataclass, fields
from pathlib import Path


@dataclass(frozen=True)
class Owner:
    """A process.

    host: the machine's name; space: its space of process numbers, as containers have their own; boot: when the machine
    was started, an id; started: when the process was, in the machine's own unit; since: an ISO date for people.
    What a system does not tell is empty.
    """

    host: str
    space: str
    boot: str
    process: str
    started: str
    since: str = ""

    @classmethod
    def here(cls) -> Owner:
        """This process, now."""
        since = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        number = os.getpid()
        return cls(*_machine(), str(number), started(number), since)

    @classmethod
    def from_json(cls, content: bytes) -> Owner | None:
        """None if that is no owner's JSON."""
        try:
            found = json.loads(content)
            made = cls(**found)
        except (ValueError, TypeError, RecursionError):
            return None
        return made if all(isinstance(getattr(made, one.name), str) for one in fields(made)) else None

    def to_json(self) -> bytes:
        return json.dumps(asdict(self)).encode("ascii")

    def is_local(self) -> bool:
        """Whether its number is one of this machine's numbers."""
        return (self.host, self.space) == _machine()[:2]

    def may_live(self) -> bool:
        """Whether it runs; of another machine that cannot be asked, and the answer is yes."""
        if not self.is_local():
            return True
        if self.boot != _machine()[2] or not self.process.isdecimal() or not is_running(int(self.process)):
            return False
        return self.started == started(int(self.process))

    def token(self) -> str:
        """For the name of a file: machine, process number, and a digest of which process of that number it is."""
        return f"{_digest(self.host, self.space)}-{self.process}-{_digest(self.boot, self.started)}"

    def describe(self) -> str:
        """For people."""
        where = "" if self.is_local() else f" on {self.host:.100}"
        return f"process {self.process:.20}{where}" + (f" since {self.since:.40}" if self.since else "")


TOKEN = r"([0-9a-f]{8})-([0-9]+)-([0-9a-f]{8})"
"""What `Owner.token` looks like, for a pattern."""


def token_may_live(machine: str, process: str, which: str) -> bool | None:
    """Whether the process of a token's three parts runs; None if it is of another machine."""
    host, space, boot = _machine()
    if machine != _digest(host, space):
        return None
    return is_running(int(process)) and which == _digest(boot, started(int(process)))


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "backslashreplace")).hexdigest()[:8]


def is_running(process: int) -> bool:
    """Whether this machine has a process of that number. Where it cannot be asked harmlessly, the answer is no."""
    if sys.platform == "win32":
        return process == os.getpid()
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def started(process: int) -> str:
    """When a process was started, in ticks since the machine was; empty if the system does not tell."""
    try:
        line = Path(f"/proc/{process}/stat").read_bytes()
        return line[line.rindex(b")") :].split()[20].decode("ascii")  # field 22; the name before it may hold anything
    except (OSError, ValueError, IndexError):
        return ""


@functools.cache
def _machine() -> tuple[str, str, str]:
    try:
        space = os.readlink("/proc/self/ns/pid")
    except OSError:
        space = ""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        boot = ""
    return platform.node(), space, boot
