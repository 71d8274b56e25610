"""The commands together."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from types import ModuleType
from typing import Annotated, Any

import typer

from recurra.cli.help import NAMES, Command, Group
from recurra.cli.output import write

COMMANDS = {
    "train": "recurra.cli.train",
    "tune": "recurra.cli.tune",
    "vectors": "recurra.cli.vectors",
    "evaluate": "recurra.cli.models",
    "predict": "recurra.cli.models",
    "trace": "recurra.cli.trace",
    "attribute": "recurra.cli.attribute",
    "probe": "recurra.cli.probe",
    "diagnose": "recurra.cli.diagnose",
    "inspect": "recurra.cli.inspect",
    "generate": "recurra.cli.models",
    "score": "recurra.cli.score",
    "export": "recurra.cli.export",
    "quantize": "recurra.cli.quantize",
    "push": "recurra.cli.hub",
    "pull": "recurra.cli.hub",
    "serve": "recurra.cli.serve",
    "runs": "recurra.cli.runs",
    "compare": "recurra.cli.runs",
    "explain": "recurra.cli.cells",
    "bench": "recurra.cli.bench",
    "data": "recurra.cli.datasets",
    "cache": "recurra.cli.cache",
}
"""Where each stands, in the order of the help."""
LOOK: dict[str, Any] = {
    "rich_markup_mode": None,
    "context_settings": {"max_content_width": 100, "help_option_names": NAMES},
}


def application(given: Sequence[str] = ()) -> typer.Typer:
    """A new typer application with every command, or with the one that a line begins with alone, which is faster."""
    app = typer.Typer(name="recurra", cls=Group, pretty_exceptions_enable=False, **LOOK)
    app.callback(invoke_without_command=True)(_recurra)
    for name in given[:1] if given and given[0] in COMMANDS else COMMANDS:
        _add(app, name, importlib.import_module(COMMANDS[name]))
    return app


def _add(app: typer.Typer, name: str, home: ModuleType) -> None:
    if name == "data":
        data = typer.Typer(cls=Group, help="List the data sets that have a name, or get one.", **LOOK)
        data.command("list", cls=Command)(home.list_data)
        data.command("get", cls=Command)(home.get_data)
        app.add_typer(data, name="data", no_args_is_help=False)
        return
    function, kind = getattr(home, name), Command
    if name in ("train", "tune", "diagnose", "vectors", "evaluate"):
        from recurra.cli.settings import with_settings

        own = getattr(home, f"settings_of_{name}", dict)
        function = with_settings(function, **own())
    if name in ("train", "tune"):
        from recurra.cli import task_help

        kind = task_help.TrainCommand if name == "train" else task_help.TuneCommand
    app.command(name, cls=kind)(function)


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
