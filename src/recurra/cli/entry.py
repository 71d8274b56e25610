"""Where the command line begins and ends: one line for each error that is foreseen, and its exit code."""

from __future__ import annotations

import gc
import os
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

import typer

from recurra.cli.signals import Listening, describe_signal
from recurra.cli.streams import guarded, silenced
from recurra.errors import RecurraError, StoppedError, UsageError
from recurra.torch_parts import leave_parts_for_later
from recurra.training.processes.place import place
from recurra.training.signals import number_of

# typer has no public name for the base of its usage errors.
_WrongUse: type[Any] = typer.BadParameter.__bases__[0]

BROKEN_PIPE = 128 + 13
"""As a program that SIGPIPE ends; nothing is printed."""


ARGUMENTS = "arguments"
"""Where a command finds the line as it was typed, in its context's `obj`."""
BEGUN = "begun"
"""And when it began, on time.monotonic."""


def run(arguments: Sequence[str] | None, listening: Listening) -> int:
    """As `recurra.cli.main`, signals heard already."""
    begun = time.monotonic()
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] != ["bench"]:  # whose peers run as torch has them
        _share_cores()
    if given[:1] in (["predict"], ["runs"], ["train"]):  # which need neither torch's compiler nor its exporter
        leave_parts_for_later()
    gc.set_threshold(50_000, 20, 20)  # of what is imported nothing is freed; looking for it took a tenth of the time
    if place().count > 1:
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # which process is gone, we say ourselves
    with guarded(for_good=listening.ending), _hushed(place().rank > 0):
        try:
            code = _run(given, begun)
            sys.stdout.flush()
            return code
        except KeyboardInterrupt as interruption:
            number = listening.received = number_of(interruption)
            return _print_error(describe_signal(number), 128 + number)
        except BrokenPipeError:
            silenced(sys.stdout)
            return BROKEN_PIPE
        except (RecurraError, OSError, MemoryError, RuntimeError) as error:
            message = _foreseen(error)
            if message is None or os.environ.get("RECURRA_TRACEBACK") == "1":
                raise
            return _print_error(message[0] if isinstance(error, StoppedError) else f"error: {message[0]}", message[1])


@contextmanager
def _hushed(hushed: bool) -> Iterator[None]:
    """Of several processes the first one talks; another's bug is a traceback, printed after this."""
    if not hushed:
        yield
        return
    with open(os.devnull, "w", encoding="utf-8") as sink, redirect_stdout(sink), redirect_stderr(sink):
        yield


def _share_cores() -> None:
    """Have threads that wait for others sleep after a fraction of a millisecond, not after several as OpenMP does.

    Where something else runs too, two threads that spin for each other are slower than one alone (a character model on
    two cores with one busy: 390 ms a step, so 108 ms). On an idle machine it makes no difference. OpenMP reads the
    environment when torch is loaded; who has set either variable, decides.
    """
    if "torch" not in sys.modules and os.environ.keys().isdisjoint({"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"}):
        os.environ["GOMP_SPINCOUNT"] = "10000"


def _run(given: list[str], begun: float) -> int:
    from recurra.cli.application import application

    command: Any = typer.main.get_command(application(given))
    try:
        command._main_shell_completion({}, "recurra")  # what a shell asks for, in its environment; typer ends there
        with command.make_context("recurra", given, obj={ARGUMENTS: list(given), BEGUN: begun}) as context:
            command.invoke(context)
    except typer.Exit as end:
        return end.exit_code
    except SystemExit as end:  # of typer's own options and answers to a shell
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except _WrongUse as error:
        path = error.ctx.command_path if error.ctx is not None else " ".join(["recurra", *_named(command, given)])
        message = error.format_message().rstrip(".").replace("Value error, ", "")
        see = f"see: {path} --help"
        if path.endswith(" predict") and (text := _begins_with_a_dash(error, given)) is not None:
            see = f"a text that begins with - stands after --, as in {path} RUN -- {shlex.quote(text)}"
        if "unexpected extra argument" in message and (name := _name_with_spaces(given)) is not None:
            see = f"a name with spaces stands in quotes: {shlex.quote(name)}"
        raise UsageError(f"{message[:1].lower()}{message[1:]}\n{see}") from None
    return 0


def _named(command: Any, given: Sequence[str]) -> Sequence[str]:
    """The command of a line, and the one below it, for errors that come without their context."""
    names = []
    for name in given:
        command = getattr(command, "commands", {}).get(name)
        if command is None:
            break
        names.append(name)
    return names


def _name_with_spaces(given: Sequence[str]) -> str | None:
    """What is there under a name that the shell took apart."""
    given = given[:40]
    joined = (" ".join(given[i:j]) for i in range(len(given)) for j in range(i + 2, len(given) + 1))
    return next((name for name in joined if len(name) < 1000 and "\0" not in name and os.path.exists(name)), None)


def _begins_with_a_dash(error: Any, given: Sequence[str]) -> str | None:
    """The argument that was taken for an option that there is not."""
    option = getattr(error, "option_name", None)
    if type(error).__name__ != "NoSuchOption" or not isinstance(option, str):
        return None
    return next((argument for argument in given if argument.startswith(option)), None)


def _foreseen(error: Exception) -> tuple[str, int] | None:
    """The message and the exit code; None for a bug."""
    match error:
        case RecurraError():
            return str(error), error.exit_code
        case OSError():
            where = f"{error.filename}: " if error.filename is not None else ""
            return f"{where}{error.strerror or error}", 1
        case MemoryError():
            return OUT_OF_MEMORY, 1
        case RuntimeError() if type(error).__name__ == "OutOfMemoryError" or "can't allocate memory" in str(error):
            return OUT_OF_MEMORY, 1
    return None


OUT_OF_MEMORY = "there is not enough memory\ntry a smaller --batch-size, --hidden-size or --bptt"


def _print_error(message: str, code: int) -> int:
    sys.stderr.write(f"recurra: {message}\n")
    return code
