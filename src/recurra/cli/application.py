"""The commands together."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from recurra.cli.bench import bench
from recurra.cli.cache import cache
from recurra.cli.cells import explain
from recurra.cli.datasets import get_data, list_data
from recurra.cli.help import NAMES, Command, Group
from recurra.cli.models import NOT_OF_EVALUATE, evaluate, generate, predict
from recurra.cli.output import write
from recurra.cli.runs import compare, runs
from recurra.cli.score import score
from recurra.cli.settings import with_settings
from recurra.cli.task_help import TrainCommand
from recurra.cli.trace import trace
from recurra.cli.train import train
from recurra.cli.vectors import SETTINGS, vectors


def application() -> typer.Typer:
    """A new typer application with every command."""
    look: dict[str, Any] = {
        "rich_markup_mode": None,
        "context_settings": {"max_content_width": 100, "help_option_names": NAMES},
    }
    app = typer.Typer(name="recurra", cls=Group, pretty_exceptions_enable=False, **look)
    app.callback(invoke_without_command=True)(_recurra)
    app.command(cls=TrainCommand)(with_settings(train))
    app.command(cls=Command)(with_settings(vectors, **SETTINGS))
    app.command(cls=Command)(with_settings(evaluate, panels=("data",), without=NOT_OF_EVALUATE))
    for command in (predict, trace, generate, score, runs, compare, explain, bench):
        app.command(cls=Command)(command)
    data = typer.Typer(cls=Group, help="List the data sets that have a name, or get one.", **look)
    data.command("list", cls=Command)(list_data)
    data.command("get", cls=Command)(get_data)
    app.add_typer(data, name="data", no_args_is_help=False)
    app.command(cls=Command)(cache)
    return app


def _version(wanted: bool) -> None:
    if wanted:
        import importlib.metadata

        write(f"recurra {importlib.metadata.version('recurra')}\n")
        raise typer.Exit


def _recurra(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="show the version")
    ] = False,
) -> None:
    """Recurrent neural networks for the machine you have: from a file to a trained model with a report.

    \b
    recurra train surnames                      a classifier, of bundled data
    recurra train input.txt --minutes 2         a language model of your text
    recurra predict runs/surnames-gru "Rossi"   ask it
    recurra evaluate runs/surnames-gru          its scores once more
    recurra generate runs/input-lstm            let it write
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(2)
