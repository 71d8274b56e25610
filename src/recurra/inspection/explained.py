"""Cells and networks as one page: equations, data flow, drawings, counts, and who would run them."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from recurra.inspection.drawings.cell_graph import draw_cell
from recurra.inspection.drawings.comparison import draw_comparison
from recurra.inspection.drawings.pictures import draw_rolled, draw_unrolled
from recurra.inspection.explain import Explanation, compared
from recurra.inspection.network import structure
from recurra.layers.stack import Stack
from recurra.report.explained import Part, build_explanation
from recurra.report.sections import Cell, Column, Picture, Pictures, Section, Table, Text


def page_of_cells(found: Sequence[Explanation]) -> str:
    """A page of one cell, or of several with a comparison at its top."""
    parts = [part_of_cell(one) for one in found]
    if len(found) > 1:
        parts.insert(0, Part("Compared", sections=[Picture("What they cost", draw_comparison(found)), _table(found)]))
    title = found[0].title if len(found) == 1 else ", ".join(one.name for one in found)
    return build_explanation(title, parts)


def page_of_network(name: str, network: nn.Module, cell: Explanation) -> str:
    """A page of a trained model's network and of its cell."""
    rows = structure(network).rows()
    columns = [Column("part"), Column("layers"), *(Column(title, "number") for title in rows[0][2:])]
    counts = Table("Parameters", list(columns), [list(row) for row in rows[1:]], marked=[len(rows) - 2])
    return build_explanation(name, [Part("The network", sections=[drawings(network), counts]), part_of_cell(cell)])


def drawings(network: nn.Module, title: str = "Drawings") -> Pictures:
    """A network rolled and unrolled. Errors: UsageError for one of no kind that is known"""
    return Pictures(
        title,
        [
            Picture("Rolled: a box for each part, a loop where states are carried", draw_rolled(network)),
            Picture("Unrolled over some steps: the same weights at each", draw_unrolled(network)),
        ],
        note="B are sequences of a batch, T their steps.",
    )


def part_of_cell(one: Explanation) -> Part:
    """What is known of a cell."""
    layer = Stack(one.input_size, one.hidden_size, cell=one.name, device="meta")
    lines = one.text().split("\n\n")
    sections: list[Section] = [
        graph(one.name),
        drawings(layer, "A layer"),
        Text("Counts", [line.strip() for line in lines[-2].splitlines()]),
        Table(
            f"Engines on {one.device}, in order of preference",
            ["engine", "why not"],
            [[name, "it can" if reason is None else reason] for name, reason in one.engines],
        ),
    ]
    return Part(f"{one.name}: {one.title}", one.source, one.equations, one.latex, sections)


def graph(cell: str) -> Picture:
    """The data flow of a step as a section."""
    note = (
        "From left to right. Blue is the input, orange are states, green are products with weights and their sums, "
        "teal is arithmetic, purple are functions; names are those of the equations."
    )
    return Picture("Data flow of a step", draw_cell(cell), note=note)


def _table(found: Sequence[Explanation]) -> Table:
    head, *rows = compared(found)
    numbers = {"parameters", "FLOPs a step", "saved bytes a step", "products once", "at every step"}
    columns: list[Column | str] = [Column(title, "number" if title in numbers else "text") for title in head]
    cells: list[list[Cell]] = [list(row) for row in rows]
    return Table("In numbers", columns, cells)
