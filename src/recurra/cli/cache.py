"""`recurra cache`"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from recurra.cli.datasets import size
from recurra.cli.output import note, write, write_json, write_table
from recurra.errors import UsageError

if TYPE_CHECKING:
    from recurra.data.cached import Entry


def cache(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME", help="only these: data, corpora, texts, unpacked, given, a name"),
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="remove them, after a question")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="do not ask")] = False,
    json: Annotated[bool, typer.Option("--json", help="one JSON document on stdout")] = False,
) -> None:
    """Show what Recurra keeps outside your folders, with sizes, and clear it.

    That is data sets that it fetched and texts that it has tokenised. Model folders are not touched.

    \b
    recurra cache
    recurra cache corpora --clear
    recurra cache --clear --yes
    """
    from recurra.data.cached import chosen, entries
    from recurra.data.datasets.download import cache_folder

    found = chosen(entries(), names or [])
    if clear:
        if found and not yes:
            _ask(found)
        _clear(found)
    elif json:
        document = [{"kind": e.kind, "name": e.name, "bytes": e.bytes, "path": str(e.path)} for e in found]
        write_json({"folder": str(cache_folder()), "entries": document})
    elif not found:
        note(f"nothing is cached in {cache_folder()}")
    else:
        rows = [[entry.kind, entry.name, size(entry.bytes), entry.about] for entry in found]
        write_table(rows, right=(2,))
        write(f"{_total(found)} in {cache_folder()}\n")


def _ask(found: list[Entry]) -> None:
    """Errors: UsageError without a terminal to ask on; typer.Exit for a no"""
    from recurra.data.cached import KINDS

    if not sys.stdin.isatty():
        raise UsageError(f"this would remove {_total(found)}; add --yes")
    for kind in dict.fromkeys(entry.kind for entry in found):
        sys.stderr.write(f"{kind}: {_total([e for e in found if e.kind == kind])}: {KINDS[kind]}\n")
    sys.stderr.write("remove them? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        note("nothing was removed")
        raise typer.Exit


def _clear(found: list[Entry]) -> None:
    from recurra.data.cached import clear

    removed = []
    for entry, reason in clear(found):
        if reason is None:
            removed.append(entry)
        else:
            note(f"{entry.kind}/{entry.name} is left: {reason}")
    note(f"{_total(removed)} removed")


def _total(found: list[Entry]) -> str:
    things = "1 thing" if len(found) == 1 else f"{len(found):,} things"
    return f"{things}, {size(sum(entry.bytes for entry in found))}"
