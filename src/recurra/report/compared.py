"""Several runs on one page: their curves in one picture, and tables of what they reached and how they differ."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from recurra.report.build import environment, policy, script, style
from recurra.report.curves import draw_lines
from recurra.report.numbers import printable
from recurra.report.sections import Curves, Line
from recurra.training.history import Point


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
    curves = draw_histories(comparison.names, comparison.histories)
    drawn = None if curves is None else Markup(curves)
    template = environment().get_template("compared.html.j2")
    page = template.render(runs=comparison, style=style(), script=script(), policy=policy(), curves=drawn)
    return printable(page)


def draw_histories(names: Sequence[str], histories: Sequence[Sequence[Point]]) -> str | None:
    """The validation loss of each run over its seconds, or None if no run was evaluated."""
    found = [list(losses(history)) for history in histories]
    last = max((at for line in found for at, _ in line), default=0.0)
    unit, size = ("seconds", 1) if last < 180 else ("minutes", 60) if last < 3 * 3600 else ("hours", 3600)
    lines = [
        Line(name, [at / size for at, _ in line], [loss for _, loss in line])
        for name, line in zip(names, found, strict=True)
    ]
    return draw_lines(Curves("Validation loss", lines, f"{unit} of training", "validation loss"), "compared")


def losses(history: Sequence[Point]) -> Iterator[tuple[float, float]]:
    """Seconds and validation loss of each evaluation that has one."""
    for point in history:
        if point.validation_loss is not None and math.isfinite(point.validation_loss):
            yield point.seconds, point.validation_loss
