"""`recurra train`"""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recurra.cli.completion import datasets, tasks
from recurra.cli.output import json_text, note, write_result
from recurra.cli.task_help import help_task
from recurra.training.logs.log import LOGS
from recurra.training.processes.place import place

if TYPE_CHECKING:
    from recurra.api.run import Run
    from recurra.tasks.sources.unlike_text import UnlikeTextError


def train(
    context: typer.Context,
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="DATA", show_default=False, help="a file, a folder or a data set's name", autocompletion=datasets
        ),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="what to learn; inferred from the data if not given", autocompletion=tasks),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option("--out", "-o", metavar="FOLDER", help="the model folder; a new one in runs/ if not given"),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace the model folder if there is one")] = False,
    resume: Annotated[
        str | None,
        typer.Option(metavar="RUN", help="continue a stopped run, or a finished one for longer"),
    ] = None,
    start_from: Annotated[
        str | None,
        typer.Option("--from", metavar="RUN", help="start from the weights and vocabulary of a run"),
    ] = None,
    log: Annotated[
        str | None,
        typer.Option(metavar="NAME", help=f"curves for {', '.join(LOGS)} too", autocompletion=lambda: list(LOGS)),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="look at gradients and gates, say what is wrong")] = False,
    learning_curve: Annotated[bool, typer.Option("--learning-curve", help="report scores by data size")] = False,
    license: Annotated[str | None, typer.Option(metavar="NAME", help="of the weights, for the model's card")] = None,
    show: Annotated[bool, typer.Option("--open", help="open the report in a browser at the end")] = False,
    json: Annotated[bool, typer.Option("--json", help="the result as one JSON document on stdout")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="no progress, only errors")] = False,
    help_of: Annotated[
        str | None,
        typer.Option(
            "--help-task",
            metavar="NAME",
            help="all settings of a task",
            is_eager=True,
            expose_value=False,
            callback=help_task,
            autocompletion=tasks,
        ),
    ] = None,
    **settings: Any,
) -> None:
    """Train a model on DATA and write its folder with a report.
    It is evaluated on what it has not seen, beside baselines.

    \b
    recurra train names/                   a folder with one <label>.txt per class
    recurra train input.txt --minutes 2    a language model of its characters
    recurra train reviews.csv --text review --label stars
    recurra train --resume runs/names-gru  go on with a run that was stopped
    """
    from recurra.api.progress import ProgressLogger, first_line

    progress = ProgressLogger(quiet=quiet)
    if data is not None or resume is not None:  # at once, for torch takes seconds to load
        progress.log(first_line(data, resume))
    with progress.doing("loading PyTorch"):
        from recurra.api.training import train as train_model
        from recurra.tasks.sources.unlike_text import UnlikeTextError

    given: dict[str, Any] = {
        "out": out,
        "overwrite": overwrite,
        "resume": resume,
        "start_from": start_from,
        "log": log,
        "watch": watch,
        "learning_curve": learning_curve,
        "license": license,
        "quiet": quiet,
        "begun": context.obj["begun"],
        "command": shlex.join(["recurra", *context.obj["arguments"]]),
        **settings,
    }
    try:
        run = train_model(data, task=task, **given)
    except UnlikeTextError as doubt:
        if quiet or not _wanted_all_the_same(doubt):
            raise
        run = train_model(data, task=doubt.task, **given)
    if json:
        write_result(json_text(_document(run)))
    else:
        write_result(f"{run.folder}\n")
    if show and place().first:
        _open(run)


def _wanted_all_the_same(doubt: UnlikeTextError) -> bool:
    """Ask on a terminal; elsewhere it is an error."""
    if place().count > 1 or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    question = str(doubt).splitlines()[0]
    sys.stderr.write(f"{question}\ntrain on it as text all the same? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _open(run: Run) -> None:
    """Show the report; where there is no browser, say so."""
    import webbrowser

    from recurra.api.training_run import REPORT

    page = run.folder / REPORT
    if not webbrowser.open(page.resolve().as_uri()):
        note(f"no browser was found to open {page}")


def _document(run: Run) -> dict[str, Any]:
    kept = ("status", "ended", "evaluated_on", "metrics", "baselines", "seconds", "parameters")
    return {"folder": str(run.folder), "task": run.task} | {name: run.metrics[name] for name in kept}
