"""The command line: arguments in, data on stdout, talk on stderr, an exit code that says what went wrong."""

from recurra.cli.entry import main

__all__ = ["main"]
