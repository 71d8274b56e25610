"""Standard input, output and error as every command finds them, whatever the process was started with."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

from recurra.terminal import AS_GIVEN, Printed, silence


@contextmanager
def guarded(*, for_good: bool) -> Iterator[None]:
    """Streams with their guards; a closed descriptor is the null device, before a file is opened in its place.

    stdout: escaped on a terminal only, so that a program reads what is there; who leaves is an error to tell.
    stderr: always escaped, for people read it, also later; it goes quiet when it fails, and the work goes on.
    for_good: the process ends afterwards
    """
    if for_good:
        _open_closed()
    before = sys.stdin, sys.stdout, sys.stderr
    sys.stdin = before[0] if before[0] is not None else _null("r")
    sys.stdout = _guard(before[1], escaped=None, heard=True)
    sys.stderr = _guard(before[2], escaped=True, heard=False)
    try:
        yield
    finally:
        if not for_good:
            sys.stdin, sys.stdout, sys.stderr = before


def silenced(stream: Any) -> None:
    """Nothing more is written to it, and nothing of it fails any more."""
    silence(stream)
    stream.quiet = True


def _guard(stream: TextIO | None, *, escaped: bool | None, heard: bool) -> TextIO:
    stream = _null("w") if stream is None else stream
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors=AS_GIVEN)
    return cast(TextIO, Printed(stream, escaped=escaped, heard=heard))


def _null(mode: str) -> TextIO:
    return cast(TextIO, open(os.devnull, mode, encoding="utf-8"))


def _open_closed() -> None:
    """Otherwise the next file gets the number, and what a library writes to stderr lands in it."""
    for number, mode in enumerate((os.O_RDONLY, os.O_WRONLY, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, mode)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            os.set_inheritable(number, True)
