"""The options of `recurra predict` that forecasters read, and the picture that it writes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from recurra.cli.output import note
from recurra.errors import DataError, UsageError

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
    if Path(file).suffix.lower() != ".svg":
        raise UsageError(f"--plot writes SVG; name it {Path(file).with_suffix('.svg')}, not {file}")
    from recurra.report.svg import standalone

    drawn = standalone(model.plot(predictions))
    try:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).write_text(drawn + "\n", encoding="utf-8")
    except OSError as error:
        raise DataError(f"cannot be written: {error.strerror}", file=file) from error
    note(f"picture in {file}")
