"""`recurra diagnose`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from recurra.cli.files import check_svg, write_svg
from recurra.cli.output import write, write_json
from recurra.errors import UsageError
from recurra.model_folder.manifest import MANIFEST


def diagnose(
    given: Annotated[str, typer.Argument(metavar="RUN|DATA", help="a model folder; or data as for train")],
    task: Annotated[str | None, typer.Option(metavar="NAME", help="as for train, with DATA")] = None,
    plot: Annotated[
        str | None, typer.Option(metavar="FILE", help="losses, gradients through time, radii and updates, as SVG")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="one JSON document on stdout")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="no progress, only errors")] = False,
    **settings: Any,
) -> None:
    """Say why a training does not learn, with the flag to change.

    Looks at how far back the gradient reaches, at gates, spectral radii, updates, losses, labels and repeats.
    A RUN is looked at as it stands, with what train --watch kept of its training; on DATA a network is trained for a
    minute at most, with the settings that are given, and no folder is written.

    \b
    recurra diagnose runs/names-gru
    recurra diagnose reviews.csv --text review --label stars
    recurra diagnose names/ --cell rnn --learning-rate 0.3 --plot why.svg
    """
    from recurra.api.diagnosing import diagnose as look
    from recurra.api.progress import ProgressLogger

    check_svg(plot)
    options = {name: value for name, value in settings.items() if value is not None}
    progress = ProgressLogger(quiet=quiet)
    if (Path(given) / MANIFEST).is_file():
        if options or task is not None:
            raise UsageError(f"{next(iter(options), 'task')} is of a training on DATA; a run has its own settings")
        with progress.doing("looking at the run and its data"):
            found = look(given)
    else:
        try:
            found = look(given, task=task, progress=progress, **options)
        finally:
            progress.close()
    if plot is not None:
        write_svg(plot, found.plot())
    if json:
        write_json({"target": given} | found.to_json())
    else:
        write(found.text() + "\n")
