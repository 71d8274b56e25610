"""`recurra quantize`"""

from __future__ import annotations

from typing import Annotated

import typer

from recurra.cli.models import JsonOption, RunArgument
from recurra.cli.output import write_folder


def quantize(
    run: RunArgument,
    out: Annotated[
        str | None,
        typer.Option("--out", "-o", metavar="FOLDER", help="where it goes; the run's own name with -int8 if not given"),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace a model folder that is there")] = False,
    json: JsonOption = False,
) -> None:
    """Keep a trained model's matrices in 8 bits, and run its layers so: a quarter of the size, faster answers.

    It is scored on the run's validation part before it is written, and refused if that is worse by more than 0.5 %.
    Prints the new folder's name, which every command takes but train.

    \b
    recurra quantize runs/input-lstm                writes runs/input-lstm-int8
    recurra quantize runs/input-lstm --out small
    recurra evaluate small
    """
    from recurra.api.progress import ProgressLogger
    from recurra.api.run import load

    model = load(run)
    with ProgressLogger().doing("quantising and scoring"):
        found = model.quantize(out, overwrite=overwrite)
    write_folder(found.folder, found.about, found.notes, json=json)
