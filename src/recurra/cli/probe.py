"""`recurra probe`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recurra.cli.models import JsonOption, RunArgument
from recurra.cli.output import note, write_json, write_table
from recurra.data.files.text import read_text


def probe(
    run: RunArgument,
    file: Annotated[
        str | None, typer.Argument(metavar="FILE", help="a text to read; if not given, what the run held out")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="of the controls")] = 0,
    json: JsonOption = False,
) -> None:
    """Find units that follow something: the position in a line, quotes, brackets, words; a label or a tag.

    Units are found on one half of held-out text and scored on the other: accuracies, of numbers (R2) the share of the
    variance. The control gives every token a value at random and is probed likewise; what is above it is selectivity.

    \b
    recurra probe runs/tinyshakespeare-lstm
    recurra probe runs/tinyshakespeare-lstm sonnets.txt
    recurra probe runs/reviews-gru             a classifier, a tagger
    """
    from recurra.api.run import load

    model = load(run)
    found = model.probe(text=None if file is None else read_text(Path(file)), seed=seed)
    if json:
        write_json({"folder": run} | found.to_json())
        return
    write_table(found.rows(), right=(1, 3, 4, 5, 6, 7))
    if found.left_out:
        note(f"too rare in this text: {', '.join(found.left_out)}")
