"""The options of `recurra predict` that translators read, and the attention pictures that it writes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recurra.cli.output import note
from recurra.errors import DataError, UsageError

if TYPE_CHECKING:
    from recurra.tasks.abilities import Attending

PANEL = "Translations"
Beam = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, help="beam width, 1 is greedy [5]", rich_help_panel=PANEL),
]
NBest = Annotated[
    int | None, typer.Option(metavar="N", min=1, help="number of translations, best first [1]", rich_help_panel=PANEL)
]
LengthPenalty = Annotated[
    float | None,
    typer.Option(metavar="X", min=0, help="0: short ones win; higher: longer ones [1.4]", rich_help_panel=PANEL),
]
BlockNgrams = Annotated[
    int | None, typer.Option(metavar="N", min=0, help="never write N tokens in a row twice", rich_help_panel=PANEL)
]
Sample = Annotated[bool, typer.Option("--sample", help="sample translations", rich_help_panel=PANEL)]
Temperature = Annotated[
    float | None, typer.Option(metavar="T", help="of draws; higher: more surprising [1.0]", rich_help_panel=PANEL)
]
TopK = Annotated[int | None, typer.Option(metavar="K", help="sample from the K most probable", rich_help_panel=PANEL)]
TopP = Annotated[float | None, typer.Option(metavar="P", help="sample from those that sum to P", rich_help_panel=PANEL)]
Seed = Annotated[
    int | None, typer.Option(metavar="N", min=0, max=2**32 - 1, help="seed of the samples", rich_help_panel=PANEL)
]
Attention = Annotated[
    str | None,
    typer.Option(metavar="FOLDER", help="a picture for each text of where the decoder looked", rich_help_panel=PANEL),
]


def given(**options: Any) -> dict[str, Any]:
    """Those that were given, by the names that a translator knows. Errors: UsageError for draws without --sample"""
    asked = {name: value for name, value in options.items() if value is not None and value is not False}
    drawn = [name for name in ("temperature", "top_k", "top_p", "seed") if name in asked]
    if drawn and "sample" not in asked:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in drawn)
        raise UsageError(f"{names} needs --sample")
    return asked


def write_pictures(model: Attending, translations: Sequence[Any], folder: str) -> None:
    """One SVG for each translation: FOLDER/1.svg, 2.svg and so on.

    Errors: UsageError for a model without attention; DataError if they cannot be written
    """
    from recurra.report.svg import standalone

    target = Path(folder)
    for number, found in enumerate(translations, start=1):
        drawn = model.draw(found, f"attention-{number}")
        try:
            target.mkdir(parents=True, exist_ok=True)
            (target / f"{number}.svg").write_text(standalone(drawn) + "\n", encoding="utf-8")
        except OSError as error:
            raise DataError(f"cannot be written: {error.strerror}", file=target / f"{number}.svg") from error
    note(f"{len(translations):,} picture{'s' if len(translations) > 1 else ''} in {folder}")
