"""Everything that Recurra raises on purpose.

    RecurraError                 exit 1
    ├── UsageError               exit 2   a setting or an argument that cannot be
    │   ├── CellError                     the equations of a cell are malformed; names file and line
    │   ├── UnknownNameError              no such cell, engine, data set, ...; names the nearest one
    │   ├── ShapeError                    tensors whose shapes, types or lengths do not fit
    │   └── EngineError                   an engine asked for by name that cannot do the work, and why
    ├── DataError                exit 3   a file that cannot be used; names file, line and remedy
    │   └── ColumnError                   a table without a column that was asked for
    ├── ModelFolderError         exit 4   a model folder that is not whole, altered, or from a newer version
    ├── DivergedError            exit 5   the loss stopped being a number
    ├── RankError                exit 6   another process of the run has ended or differs, or that one's own exit code
    │   └── ElsewhereError       exit 0   the run is finished, in a folder that another machine has
    ├── CallbackError            exit 1   a callback of the user's failed; what was learned until then is saved
    └── StoppedError             exit 128 + signal   training was stopped from outside; what was learned is saved

A message is one or two lines: what is wrong with its numbers, then what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable
from itertools import islice
from pathlib import Path

LONGEST = 2_000
"""Characters of a message at most; what a user's file brings into one may be of any length."""
_TAIL = 400


class RecurraError(Exception):
    """Base of all. `exit_code`: of the command line. Of a message over LONGEST characters the middle is left out."""

    exit_code = 1

    def __init__(self, message: str = "") -> None:
        super().__init__(_bounded(message))


def quoted(value: object, longest: int = 60) -> str:
    """A value of the user's as `repr` writes it, no more than the first `longest` characters of it."""
    return repr(shortened(value, longest)) if isinstance(value, str) else shortened(repr(value), longest)


def listed(names: Collection[str], most: int = 20, *, write: Callable[[str], str] = quoted) -> str:
    """Names for a message: the first `most` of them, and how many more there are; "none" for none."""
    shown = ", ".join(write(name) for name in islice(names, most))
    return f"{shown} and {len(names) - most:,} more" if len(names) > most else shown or "none"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The name among some thousand known ones that is most like another, None if none is like it.

    Comparing takes the product of two lengths, so that names over 100 characters are not looked at.
    """
    some = [one for one in islice(known, 5_000) if len(one) <= 100]
    near = difflib.get_close_matches(name, some, n=1, cutoff=0.5) if len(name) <= 100 else []
    return near[0] if near else None


def nearest_path(path: Path) -> Path | None:
    """What stands in the same folder under a name most like this path's, None if nothing does."""
    try:
        near = nearest(path.name, (other.name for other in path.parent.iterdir() if not other.name.startswith(".")))
    except (OSError, ValueError):  # ValueError: a null byte
        return None
    return None if near is None else path.parent / near


def shortened(name: str, longest: int = 60) -> str:
    """The first `longest` characters at most."""
    return name if len(name) <= longest else name[: longest - 1] + "…"


def _bounded(message: str) -> str:
    if len(message) <= LONGEST:
        return message
    return f"{message[: LONGEST - _TAIL - 5]} ... {message[-_TAIL:]}"


class UsageError(RecurraError, ValueError):
    """A setting or an argument that cannot be."""

    exit_code = 2


class CellError(UsageError):
    """The equations of a cell are malformed."""


class UnknownNameError(UsageError):
    """A name that is in no list, with the nearest one that is.

    kind: what was looked for ("cell"); name: what was asked; known: what there is.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names, name = sorted(known), str(name)
        near = nearest(name, names)
        hint = f"did you mean {near!r}?" if near is not None else f"there are: {listed(names, 60, write=shortened)}"
        super().__init__(f"unknown {kind} {quoted(name, 200)}; {hint}")


class ShapeError(UsageError):
    """Tensors whose shapes, types or lengths do not fit together."""


class EngineError(UsageError):
    """An engine asked for by name that cannot do the work."""


class DataError(RecurraError):
    """A file that cannot be used.

    problem: one line without full stop; remedy: what the user can do; file and line (from 1) are put in front.
    """

    exit_code = 3

    def __init__(
        self, problem: str, *, remedy: str = "", file: str | Path | None = None, line: int | None = None
    ) -> None:
        where = "" if file is None else f"{file}: " if line is None else f"{file}:{line}: "
        super().__init__(f"{where}{problem}" + (f"\n{remedy}" if remedy else ""))
        self.problem, self.file, self.line = _bounded(problem), file, line

    @property
    def place(self) -> str:
        """The file's name and the line, as far as they are known."""
        name = "" if self.file is None else Path(self.file).name
        return name if self.line is None else f"{name}:{self.line}"


class ColumnError(DataError):
    """A table without a column that was asked for. column: its name; there: those that it has"""

    def __init__(
        self,
        column: str,
        there: Collection[str],
        *,
        remedy: str = "",
        file: str | Path | None = None,
        line: int | None = None,
    ) -> None:
        super().__init__(f"no column {quoted(column)}; there are {listed(there)}", remedy=remedy, file=file, line=line)
        self.column, self.there = column, there


class ModelFolderError(RecurraError):
    """A model folder that is not whole, was altered, or comes from a newer version."""

    exit_code = 4


class DivergedError(RecurraError):
    """The loss stopped being a number."""

    exit_code = 5


class RankError(RecurraError):
    """Another process of a run has ended, or cannot take part. `exit_code`: that one's own, if it had one."""

    def __init__(self, message: str, code: int = 6) -> None:
        super().__init__(message)
        self.exit_code = code


class ElsewhereError(RankError):
    """The run is finished; its folder is on another machine, and this one does not see it."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 0)


class CallbackError(RecurraError):
    """A callback of the user's failed; its own exception is the cause (`__cause__`)."""


class StoppedError(RecurraError):
    """Training was stopped from outside (Ctrl-C, SIGTERM). `signal` is the signal's number."""

    def __init__(self, message: str, signal: int) -> None:
        super().__init__(message)
        self.signal = signal
        self.exit_code = 128 + signal
