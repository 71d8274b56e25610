"""`recurra export`"""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from recurra.cli.models import JsonOption, RunArgument
from recurra.cli.output import write_folder


def export(
    run: RunArgument,
    to: Annotated[
        Literal["c", "onnx", "torch", "keras", "rtneural"],
        typer.Option("--to", help="what it becomes", show_default=False),
    ],
    out: Annotated[
        str | None,
        typer.Option("--out", "-o", metavar="FOLDER", help="where it goes; here, by the run's name, if not given"),
    ] = None,
    weights: Annotated[
        Literal["float32", "int8"],
        typer.Option(help="int8: bytes with scales, of C and ONNX; a quarter of the size"),
    ] = "float32",
    license: Annotated[str | None, typer.Option(metavar="NAME", help="licence of the model, kept beside it")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace an export that is there")] = False,
    json: JsonOption = False,
) -> None:
    """Export a trained model for other machines: a folder of files that need no Recurra.

    It is run on held-out inputs and compared with the model before it is written. Prints the folder's name.

    \b
    recurra export runs/amp-lstm --to c                  a header and a source
    recurra export runs/amp-lstm --to c --weights int8
    recurra export runs/names-gru --to onnx              graphs for ONNX Runtime
    recurra export runs/names-lstm --to onnx --weights int8
    recurra export runs/input-lstm --to torch            weights of torch.nn
    recurra export runs/input-lstm --to keras            a Keras model
    recurra export runs/amp-lstm --to rtneural           for audio plugins
    """
    from recurra.api.progress import ProgressLogger
    from recurra.api.run import load

    model = load(run)
    with ProgressLogger().doing(f"exporting to {to}"):
        found = model.export(to, out, weights=weights, license=license, overwrite=overwrite)
    write_folder(found.folder, found.about, found.notes, json=json)
