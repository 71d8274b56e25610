"""`recurra tune`"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from recurra.cli.completion import datasets, tasks
from recurra.cli.output import write, write_json, write_table
from recurra.errors import UsageError


def tune(
    context: typer.Context,
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="DATA", show_default=False, help="a file, a folder or a data set's name", autocompletion=datasets
        ),
    ] = None,
    trials: Annotated[int, typer.Option(metavar="N", help="trainings, of a resumed study all of them together")] = 20,
    task: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="what to learn; inferred from the data if not given", autocompletion=tasks),
    ] = None,
    out: Annotated[
        str | None, typer.Option("--out", "-o", metavar="FOLDER", help="a new one; one in runs/ if not given")
    ] = None,
    resume: Annotated[str | None, typer.Option(metavar="FOLDER", help="go on with a study, or make it longer")] = None,
    vary: Annotated[
        str | None, typer.Option(metavar="NAME,...", help="the settings to vary; the usual ones if not given")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="the result as one JSON document on stdout")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="no progress, only errors")] = False,
    **settings: Any,
) -> None:
    """Look for settings that the validation part likes, and leave the best as a run.

    Each trial chooses by the earlier ones; a bad one is pruned on the way. What is given stays as it is. The held-out
    part is looked at once, by the best. --minutes bounds all of it.

    \b
    recurra tune reviews.csv --text review --label stars --trials 30
    recurra tune input.txt --minutes 30 --cell gru
    recurra tune names/ --vary learning_rate,cell,dropout --epochs 3
    recurra tune --resume runs/names-tuned --trials 40
    """
    from recurra.api.progress import ProgressLogger, first_line

    if trials < 1:
        raise UsageError(f"--trials must be at least 1, got {trials}")
    if data is not None or resume is not None:  # at once, for torch takes seconds to load
        ProgressLogger(quiet=quiet).log(first_line(data, resume))
    from recurra.api.trials import table_of
    from recurra.api.tuning import tune as look

    names = None if vary is None else [name.strip().replace("-", "_") for name in vary.split(",") if name.strip()]
    found = look(
        data, trials=trials, task=task, out=out, resume=resume, vary=names, quiet=quiet,
        begun=context.obj["begun"], **settings,
    )  # fmt: skip
    if json:
        write_json(found.document())
        return
    ranked = sorted(found.trials, key=lambda trial: (not trial.rank, trial.rank))
    table = table_of(ranked, list(ranked[0].settings), scores=3)
    write_table(table, right=[0, *range(2, len(table[0]))])
    write(f"\n{found.command}\n{found.run.folder}\n")
