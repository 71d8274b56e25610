"""The options of `recurra predict` that forecasters read, and the picture that it writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from recurra.cli.files import check_svg, write_svg
from recurra.errors import UsageError

PANEL = "Forecasts"
Horizon = Annotated[
    int | None, typer.Option(metavar="STEPS", min=1, help="steps ahead [as trained]", rich_help_panel=PANEL)
]
Plot = Annotated[
    str | None, typer.Option(metavar="FILE", help="a picture of the forecasts, as SVG", rich_help_panel=PANEL)
]


def write_plot(model: Any, predictions: Sequence[Any], file: str) -> None:
    """Errors: UsageError for a model that draws nothing, a name that is not .svg; DataError if it cannot be written"""
    from recurra.tasks.abilities import Plotting

    if not isinstance(model, Plotting):
        raise UsageError(f"--plot draws forecasts; {model.does}")
    check_svg(file)
    write_svg(file, model.plot(predictions))
