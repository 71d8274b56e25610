"""`recurra inspect`"""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Annotated, Any

import typer

from recurra.cli.output import note, write
from recurra.cli.values import text as whole
from recurra.errors import UsageError

MOST_INPUTS = 8
"""Of a page that is a file."""


def inspect(
    runs: Annotated[list[str], typer.Argument(metavar="RUN", help="a model folder; two stand side by side")],
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="write the page as one offline file and end")
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option("--input", metavar="TEXT|FILE", help="what the file shows, repeated [of the run's own data]"),
    ] = None,
    port: Annotated[int, typer.Option(metavar="N", min=0, max=65535, help="0 takes a free one")] = 0,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="to listen on; others are reached from elsewhere")
    ] = "127.0.0.1",
    names: Annotated[
        list[str] | None, typer.Option("--name", metavar="NAME", help="by which the page is reached too, repeated")
    ] = None,
    browser: Annotated[bool, typer.Option("--open", help="open the page in the browser")] = False,
) -> None:
    """Look into a trained model on a page: type a text and watch gates, states and probabilities at each step.

    The page is on this machine alone, behind a token that stands in its address, and loads nothing from elsewhere.

    \b
    recurra inspect runs/names-gru
    recurra inspect runs/input-lstm runs/input-gru           side by side
    recurra inspect runs/names-gru --html names.html --input Abakumtsev
    """
    if len(runs) > 2:
        raise UsageError(f"{len(runs)} runs are named; one is looked at, or two side by side")
    if inputs and html is None:
        raise UsageError("--input is of a page that is a file: give --html FILE, or type it on the page")
    if html is not None:
        _write(html, runs, [whole(one) for one in inputs or ()])
        return
    try:
        import fastapi  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise UsageError(f"{error.name} is not installed; pip install 'recurra[serve]'") from error
    from recurra.api.run import load
    from recurra.inspector.application import application
    from recurra.inspector.inspected import Inspected
    from recurra.web import Server
    from recurra.web.origins import names_of
    from recurra.web.tokens import new_token

    token = new_token()
    app = application([Inspected(load(run)) for run in runs], token=token, hosts=names_of(host, names or ()))
    server = Server(app, host, port)

    def ready(address: str) -> None:
        page = f"{address}/?token={token}"
        write(f"{page}\n")
        note("Ctrl-C ends it")
        if browser:
            webbrowser.open(page)

    server.run(ready)


def _write(place: Path, runs: list[str], inputs: list[Any]) -> None:
    from recurra.api.run import load
    from recurra.cli.files import write_file
    from recurra.inspector.inspected import Inspected
    from recurra.inspector.offline import build_page
    from recurra.tasks.abilities import ReadingFiles

    if place.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"--html {place}: the page is HTML; give a name that ends in .html")
    if len(inputs) > MOST_INPUTS:
        raise UsageError(f"{len(inputs)} inputs are given; a page that is a file shows {MOST_INPUTS} at most")
    found = [Inspected(load(run)) for run in runs]
    model: Any = found[0].model
    given = [model.read(Path(one)) if isinstance(model, ReadingFiles) else one for one in inputs]
    page = build_page(found, list(zip(inputs, given, strict=True)))
    write_file(str(place), lambda: place.write_text(page, encoding="utf-8"))
