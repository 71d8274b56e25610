"""Everything that Recurra raises on purpose.

    RecurraError                 exit 1
    ├── UsageError               exit 2   a setting or an argument that cannot be
    │   ├── CellError                     the equations of a cell are malformed; names file and line
    │   ├── UnknownNameError              no such cell, engine, data set, ...; names the nearest one
    │   ├── ShapeError                    tensors whose shapes, types or lengths do not fit
    │   └── EngineError                   an engine asked for by name that cannot do the work, and why
    ├── DataError                exit 3   a file that cannot be used; names file, line and remedy
    ├── ModelFolderError         exit 4   a model folder that is not whole, altered, or from a newer version
    ├── DivergedError            exit 5   the loss stopped being a number
    └── StoppedError             exit 128 + signal   training was stopped from outside; what was learned is saved

A message is one or two lines: what is wrong with its numbers, then what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path


class RecurraError(Exception):
    """Base of all. `exit_code` is what the command line exits with."""

    exit_code = 1


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
        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(names)}"
        super().__init__(f"unknown {kind} {name!r}; {hint}")


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
        self.file, self.line = file, line


class ModelFolderError(RecurraError):
    """A model folder that is not whole, was altered, or comes from a newer version."""

    exit_code = 4


class DivergedError(RecurraError):
    """The loss stopped being a number."""

    exit_code = 5


class StoppedError(RecurraError):
    """Training was stopped from outside (Ctrl-C, SIGTERM). `signal` is the signal's number."""

    def __init__(self, message: str, signal: int) -> None:
        super().__init__(message)
        self.signal = signal
        self.exit_code = 128 + signal
