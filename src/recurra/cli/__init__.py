"""The command line: arguments in, data on stdout, progress on stderr, an exit code that says what went wrong."""

from __future__ import annotations

import gc
from collections.abc import Sequence

from recurra.cli.signals import Listening


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code.

    arguments: those of the process if None, which then ends with this call: its streams and signals are not given back.
    A bug is a traceback; so is every error if RECURRA_TRACEBACK=1.
    """
    with Listening(ending=arguments is None) as listening:
        from recurra.cli.entry import run  # under way, Ctrl-C is heard already

        code = run(arguments, listening)
        if arguments is None:
            gc.freeze()  # what is left ends with the process: to look through it once more took a second
        return code


__all__ = ["main"]
