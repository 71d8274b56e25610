"""`recurra explain`"""

from __future__ import annotations

import os
import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recurra.cli.completion import cells
from recurra.cli.files import check_svg, write_file, write_svg
from recurra.cli.output import write, write_json, write_table
from recurra.cli.vectors import explain_nearest
from recurra.errors import UsageError
from recurra.model_folder.manifest import MANIFEST

if TYPE_CHECKING:
    from recurra.inspection.explain import Explanation
    from recurra.inspection.network import Structure

WIRINGS = "wirings"
"""What is explained instead of a cell."""
JsonOption = Annotated[bool, typer.Option("--json", help="one JSON document on stdout")]


def explain(
    given: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="CELL|RUN",
            help="a cell of the catalogue, all if not given, several to compare; a model folder: its cell; wirings: "
            "the ways to wire a network",
            autocompletion=cells,
        ),
    ] = None,
    nearest: Annotated[
        str | None,
        typer.Option(metavar="WORD", help="the words nearest to it in a model folder or a file of word vectors"),
    ] = None,
    top: Annotated[int, typer.Option(metavar="N", min=1, help="number of words")] = 10,
    latex: Annotated[bool, typer.Option("--latex", help="the equations as LaTeX")] = False,
    input_size: Annotated[int, typer.Option(metavar="I", help="width of the input")] = 128,
    hidden_size: Annotated[int, typer.Option(metavar="H", help="units of the layer")] = 256,
    rank: Annotated[int, typer.Option(metavar="N", min=0, help="rank of the recurrent matrices; 0: full")] = 0,
    heads: Annotated[int, typer.Option(metavar="N", min=1, help="groups of units that do not see each other")] = 1,
    zoneout: Annotated[float, typer.Option(metavar="P", min=0, max=1, help="zoneout of the output")] = 0.0,
    zoneout_cell: Annotated[float, typer.Option(metavar="P", min=0, max=1, help="zoneout of the other states")] = 0.0,
    plot: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="as SVG: a cell's data flow; of several cells what they cost; a RUN's network"
        ),
    ] = None,
    unrolled: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="as SVG: a RUN's network, or a layer of the cell, over some steps"),
    ] = None,
    html: Annotated[
        str | None, typer.Option(metavar="FILE", help="all of it as one offline page, with drawings and LaTeX")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Explain a cell of the catalogue or of a trained model, or which words stand near a word.

    Prints its equations, its counts, its paper, and which engine would run it here and why the others would not.

    \b
    recurra explain                                      all cells
    recurra explain gru --latex
    recurra explain lstm gru min-gru                     compares them
    recurra explain lstm gru sru --html cells.html
    recurra explain runs/names-gru --plot network.svg --unrolled steps.svg
    recurra explain lstm --input-size 64 --hidden-size 512
    recurra explain wirings                              1:1, N:1, 1:N ... drawn
    recurra explain gru --rank 32 --zoneout 0.1
    recurra explain runs/ptb-lstm --nearest Monday
    """
    cell = given[0] if given else None
    drawn = Drawn(plot, unrolled, html)
    drawn.check(given or [], nearest)
    if nearest is not None:
        if given and len(given) > 1:
            raise UsageError(f"--nearest takes one model folder or file of word vectors, got {len(given)}")
        if cell is None:
            raise UsageError("--nearest needs a model folder or a file of word vectors")
        explain_nearest(cell, nearest, top, json=json)
        return
    if not given:
        _catalogue(json)
        return
    if given == [WIRINGS]:
        _wirings(json)
        return
    set_ = {"rank": rank, "heads": heads, "zoneout": zoneout, "zoneout_cell": zoneout_cell}
    both = [_explained(name, input_size, hidden_size, set_) for name in given]
    found = [explanation for explanation, _ in both]
    drawn.write(given, found)
    if json:
        documents = [_document(*each) for each in both]
        write_json(documents[0] if len(documents) == 1 else {"cells": documents})
    elif len(found) == 1:
        write(found[0].text(latex=latex) + "\n")
        if (network := both[0][1]) is not None:
            write("\n")
            write_table(network.rows(), right=(2, 3))
    else:
        from recurra.inspection.explain import compared

        write_table(compared(found), right=(2, 3, 4, 5, 6))


@dataclass(frozen=True)
class Drawn:
    """Where pictures and the page are to be written, if anywhere."""

    plot: str | None
    unrolled: str | None
    html: str | None

    def check(self, given: Sequence[str], nearest: str | None) -> None:
        """Before anything is computed. Errors: UsageError"""
        check_svg(self.plot)
        check_svg(self.unrolled)
        asked = next((f"--{name}" for name, file in vars(self).items() if file is not None), None)
        if asked is not None and (not given or given == [WIRINGS] or nearest is not None):
            raise UsageError(f"{asked} draws cells of the catalogue or a model folder; name one")
        if self.unrolled is not None and len(given) > 1:
            raise UsageError(f"--unrolled draws one network, got {len(given)}")

    def write(self, given: Sequence[str], found: Sequence[Explanation]) -> None:
        """Errors: DataError if a file cannot be written"""
        if self.plot is None and self.unrolled is None and self.html is None:
            return
        network = _network(given[0]) if len(given) == 1 and _names_a_folder(given[0]) else None
        if self.plot is not None:
            write_svg(self.plot, self._picture(network, found))
        if self.unrolled is not None:
            write_svg(self.unrolled, _over_steps(network, found[0]))
        if self.html is not None:
            file, page = self.html, self._page(given[0], network, found)
            write_file(file, lambda: Path(file).write_text(page, encoding="utf-8"))

    @staticmethod
    def _picture(network: Any, found: Sequence[Explanation]) -> str:
        if network is not None:
            from recurra.inspection.drawings.pictures import draw_rolled

            return draw_rolled(network)
        if len(found) > 1:
            from recurra.inspection.drawings.comparison import draw_comparison

            return draw_comparison(found)
        from recurra.inspection.drawings.cell_graph import draw_cell

        return draw_cell(found[0].name)

    @staticmethod
    def _page(name: str, network: Any, found: Sequence[Explanation]) -> str:
        from recurra.inspection.explained import page_of_cells, page_of_network

        return page_of_cells(found) if network is None else page_of_network(Path(name).name, network, found[0])


def _over_steps(network: Any, found: Explanation) -> str:
    from recurra.inspection.drawings.pictures import draw_unrolled
    from recurra.layers.stack import Stack

    if network is None:
        network = Stack(found.input_size, found.hidden_size, cell=found.name, device="meta")
    return draw_unrolled(network)


def _network(name: str) -> Any:
    from recurra.api.run import load

    return load(name).network


def _document(found: Explanation, network: Structure | None) -> dict[str, Any]:
    engines = [{"name": name, "why_not": reason} for name, reason in found.engines]
    return asdict(found) | {"engines": engines} | ({} if network is None else {"network": asdict(network)})


def _explained(
    name: str, input_size: int, hidden_size: int, settings: dict[str, Any]
) -> tuple[Explanation, Structure | None]:
    """A cell; of a model folder that of its first layer, and all of its network."""
    from recurra.inspection.explain import explain as explain_cell

    network = None
    if _names_a_folder(name):
        from recurra.api.run import load
        from recurra.inspection.network import structure

        network = structure(load(name).network)
        first = network.layers[0]
        name, input_size, hidden_size = first.cell, first.widths[0], first.hidden_size
        settings = {name: value for name, value in first.set.items() if name in settings}
    return explain_cell(name, input_size=input_size, hidden_size=hidden_size, **settings), network


def _names_a_folder(name: str) -> bool:
    """Whether a model folder is meant, there or not: a cell's name is no path."""
    from recurra.cells.catalogue import names

    if os.path.isfile(Path(name) / MANIFEST):
        return True
    return name not in names() and (any(sign in name for sign in "/\\.") or os.path.lexists(name))


def _catalogue(json: bool) -> None:
    from recurra.cells.catalogue import get, names

    cells = [get(name) for name in names()]
    if json:
        write_json({"cells": [{"name": c.name, "title": c.title, "source": c.source} for c in cells]})
    else:
        write_table([[c.name, c.title, c.source] for c in cells])


def _wirings(json: bool) -> None:
    from recurra.inspection.wirings import WIRINGS

    if json:
        write_json({"wirings": [asdict(one) for one in WIRINGS]})
        return
    for one in WIRINGS:
        lines = [f"{one.name}  {one.title}", "", *(f"    {row}" for row in one.text().splitlines()), ""]
        lines += [*textwrap.wrap(one.question, 100), f"tasks: {', '.join(one.tasks)}", *one.commands]
        write("\n".join(lines) + "\n\n")
