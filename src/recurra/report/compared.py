"""Several runs on one page: their curves in one picture, and tables of what they reached and how they differ."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib import resources

import jinja2
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from recurra.report.measures import printable
from recurra.report.svg import BLUE, GREY, ORANGE, drawing, to_svg
from recurra.training.history import Point

COLORS = (BLUE, ORANGE, "#2c8a57", "#8352a8", "#b38a1d", "#c23b6b", "#2f93a0", GREY)
"""Of the curves; from the ninth run on they come again, with dashes."""


@dataclass(frozen=True)
class Row:
    """A line of a table: a cell for each run. best: which of them to point out"""

    name: str
    cells: list[str]
    best: list[bool] = field(default_factory=list)


@dataclass(frozen=True)
class Comparison:
    """What the page shows. names: of the runs; histories: the evaluations of each"""

    names: list[str]
    histories: list[list[Point]]
    results: list[Row]
    settings: list[Row]
    notes: list[str]


def build_comparison(comparison: Comparison) -> str:
    """The page as text, which needs nothing else; the same for the same comparison."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    here = resources.files("recurra.report")
    template = environment.from_string(here.joinpath("compared.html.j2").read_text(encoding="utf-8"))
    curves = draw_histories(comparison.names, comparison.histories)
    page = template.render(
        runs=comparison,
        style=Markup(here.joinpath("style.css").read_text(encoding="utf-8")),
        curves=None if curves is None else Markup(curves),
        colors=[color_of(index) for index in range(len(comparison.names))],
    )
    return printable(page)


def color_of(index: int) -> str:
    """The colour of a run's curve."""
    return COLORS[index % len(COLORS)]


def draw_histories(names: Sequence[str], histories: Sequence[Sequence[Point]]) -> str | None:
    """The validation loss of each run over its seconds, or None if no run was evaluated."""
    lines = [list(losses(history)) for history in histories]
    shown = [loss for line in lines for _, loss in line]
    if not shown:
        return None
    last = max(at for line in lines for at, _ in line)
    unit, size = ("seconds", 1) if last < 180 else ("minutes", 60) if last < 3 * 3600 else ("hours", 3600)
    with drawing("compared"):
        figure = Figure(figsize=(560 / 72, 320 / 72))
        axes = figure.add_axes((58 / 560, 46 / 320, 486 / 560, 258 / 320))
        axes.grid(axis="y")
        axes.spines["left"].set_visible(False)
        for index, line in enumerate(lines):
            style = "solid" if index < len(COLORS) else "dashed"
            x, y = [at / size for at, _ in line], [loss for _, loss in line]
            axes.plot(x, y, color=color_of(index), linewidth=2, linestyle=style)
            if len(line) < 40:
                axes.plot(x, y, "o", color=color_of(index), markersize=4)
        if min(shown) > 0 and max(shown) / min(shown) > 100:
            axes.set_yscale("log")
            axes.yaxis.set_minor_formatter(NullFormatter())
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.set_xlabel(f"{unit} of training")
        axes.set_ylabel("validation loss", fontsize=10)
        return to_svg(figure, f"Validation loss over {unit} of training: {', '.join(names)}")


def losses(history: Sequence[Point]) -> Iterator[tuple[float, float]]:
    """Seconds and validation loss of each evaluation that has one."""
    for point in history:
        if point.validation_loss is not None and math.isfinite(point.validation_loss):
            yield point.seconds, point.validation_loss
