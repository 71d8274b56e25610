"""`recurra data`"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from recurra.cli.completion import datasets
from recurra.cli.output import write, write_json, write_table


def list_data(json: Annotated[bool, typer.Option("--json", help="one JSON document on stdout")] = False) -> None:
    """List the data sets: name, task, size, where they are, what they are.

    \b
    recurra data list
    recurra data list --json
    """
    from recurra.data.datasets import named

    found = named.describe()
    if json:
        write_json({"datasets": [asdict(one) for one in found]})
        return
    rows = [[one.name, one.task, size(one.bytes), one.where, one.description] for one in found]
    write_table(rows, right=(2,))


def get_data(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="as `recurra data list` shows it", autocompletion=datasets)
    ],
    destination: Annotated[
        str | None, typer.Argument(metavar="DESTINATION", help="a folder to copy its files to")
    ] = None,
) -> None:
    """Get a data set and print where it is.

    Its files are verified. Prints its folder, or its files one a line.

    \b
    recurra data get names
    recurra data get surnames my-names/          a copy to look at and to change
    """
    from recurra.data.datasets import named

    found = named.get(name, destination=destination)
    paths = [found.folder] if found.folder is not None else list(found.files.values())
    write("".join(f"{place}\n" for place in paths))


def size(count: int) -> str:
    """Bytes as people read them. Units: powers of 1000"""
    if count < 1000:
        return f"{count} B"
    value, units = float(count), ["kB", "MB", "GB"]
    while value >= 999.5 and units:
        value, unit = value / 1000, units.pop(0)
    return f"{value:.0f} {unit}" if value >= 10 else f"{value:.1f} {unit}"
