"""What `recurra generate` asks and prints."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from recurra.cli.output import note, write, write_json, write_table
from recurra.cli.values import text
from recurra.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from recurra.api.run import Run


def write_generated(
    model: Run,
    prompt: str,
    length: int | None,
    condition: str | None,
    count: int,
    sampling: dict[str, Any],
    *,
    json: bool,
) -> None:
    """`count` texts: one a line, longer ones with an empty line between them, tunes with X: and T: so that they play.

    Errors: UsageError
    """
    from recurra.tasks.abilities import Conditioned, able

    kind = able(model.model, Conditioned, "write texts of a class")

    found: list[Any] = model.generate(prompt, length, condition=condition, count=count, **sampling)
    if json:
        texts = [each.document() for each in found]
        write_json({"folder": str(model.folder), "prompt": prompt, "class": condition, "texts": texts} | sampling)
        return
    cut = sum(not each.ended for each in found)
    if cut:
        note(f"{cut:,} of {count:,} were cut before their end; --length N lets them be longer")
    written = kind.written(found)
    if isinstance(written, str):
        write(written)
    else:
        write_table(written)


def write_files(model: Run, found: list[Any], out: Path) -> None:
    """What was generated, into files, which are named. Errors: UsageError"""
    from recurra.tasks.abilities import Filing, able

    filing: Filing = able(model.model, Filing, "write files of what it generates")
    paths = filing.save(found, out)
    cut = sum(not each.ended for each in found)
    if cut:
        note(f"{cut:,} of {len(found):,} were cut before their end; --length N lets them be longer")
    several = len(paths) > 1
    note(f"wrote {len(paths):,} files, {paths[0]} to {paths[-1]}" if several else f"wrote {paths[0]}")


def write_streams(prompt: str, streams: Iterable[Iterator[str]]) -> None:
    """The prompt and what follows, once for each stream, with an empty line between them."""
    for number, pieces in enumerate(streams):
        write(f"\n{prompt}" if number else prompt)
        last = prompt
        for last in pieces:
            write(last)
        if not last.endswith("\n"):
            write("\n")


def prompts(model: Run, **sampling: Any) -> Iterator[str]:
    r"""Prompts from standard input, one a line, `\n` in one for a line's end; asked for on a terminal.

    Errors: UsageError for a model that does not write, or not like this, or reads no prompt
    """
    from recurra.tasks.abilities import Filing

    if isinstance(model.model, Filing):
        raise UsageError(f"--interactive asks for prompts, which this model does not read: {model.model.does}")
    model.generate("", 0, **sampling)
    asked = sys.stdin.isatty()
    if asked:
        note("type how the text begins; an empty line leaves it to the model, Ctrl-D ends")
    while True:
        if asked:
            sys.stderr.write("> ")
            sys.stderr.flush()
        line = sys.stdin.readline()
        if not line:
            return
        yield text(line.rstrip("\r\n")).replace("\\n", "\n")


@contextmanager
def noting_refusals() -> Iterator[None]:
    """A prompt that the model cannot follow gives a note, and the next one is asked for."""
    try:
        yield
    except UsageError as error:
        note(str(error))


def refuse_class(model: Run, condition: str | None, out: Path | None, form: str | None) -> None:
    """Errors: UsageError if a class or a form was named to a model that knows none, a file to one that writes text"""
    if out is not None:
        raise model.model.cannot("write files; > FILE takes what it prints")
    if form is not None:
        raise UsageError(f"--form is for texts of a class: {model.model.does}")
    if condition is not None:
        raise UsageError(f"this model has no classes to write for: {model.model.does}\nleave out --class {condition}")


def refuse_sampling(model: Run, **given: bool) -> None:
    """Errors: UsageError if an option was given that only language models read"""
    for name in (name for name, is_given in given.items() if is_given):
        raise UsageError(f"--{name.replace('_', '-')} is for language models: {model.model.does}")
