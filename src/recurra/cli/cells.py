"""`recurra explain`"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from recurra.cli.output import write, write_json, write_table

JsonOption = Annotated[bool, typer.Option("--json", help="one JSON document on stdout")]


def explain(
    cell: Annotated[
        str | None, typer.Argument(metavar="CELL", help="a cell of the catalogue; the catalogue if not given")
    ] = None,
    latex: Annotated[bool, typer.Option("--latex", help="the equations as LaTeX")] = False,
    input_size: Annotated[int, typer.Option(metavar="I", help="width of the input")] = 128,
    hidden_size: Annotated[int, typer.Option(metavar="H", help="units of the layer")] = 256,
    json: JsonOption = False,
) -> None:
    """Explain a cell of the catalogue.

    Prints its equations, its counts, its paper, and which engine would run it here and why the others would not.
    """
    if cell is None:
        _catalogue(json)
        return
    from recurra.inspection.explain import explain as explain_cell

    found = explain_cell(cell, input_size=input_size, hidden_size=hidden_size)
    if json:
        engines = [{"name": name, "why_not": reason} for name, reason in found.engines]
        write_json(asdict(found) | {"engines": engines})
    else:
        write(found.text(latex=latex) + "\n")


def _catalogue(json: bool) -> None:
    from recurra.cells.catalogue import get, names

    cells = [get(name) for name in names()]
    if json:
        write_json({"cells": [{"name": c.name, "title": c.title, "source": c.source} for c in cells]})
    else:
        write_table([[c.name, c.title, c.source] for c in cells])
