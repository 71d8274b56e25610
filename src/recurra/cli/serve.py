"""`recurra serve`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recurra.cli.models import RunArgument
from recurra.cli.output import note
from recurra.errors import UsageError
from recurra.serve.limits import Limits

LIMITS = "Limits"
WHO = "Who may ask"


def serve(
    run: RunArgument,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="where it listens")] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="N", min=0, max=65535, help="0: a free one, which is printed")] = 8000,
    threads: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="threads of a product [one core less than there are]")
    ] = None,
    drain: Annotated[
        float, typer.Option(metavar="SECONDS", min=1, help="time that open requests have when it is stopped")
    ] = 20.0,
    name: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOST",
            help="a name that it answers to besides this machine's; may be repeated",
            rich_help_panel=WHO,
        ),
    ] = None,
    origin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORIGIN",
            help="a web page that may ask, as https://app.example.org; may be repeated",
            rich_help_panel=WHO,
        ),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="its first line is a token that every request has to bring", rich_help_panel=WHO
        ),
    ] = None,
    sessions: Annotated[
        int, typer.Option(metavar="N", min=1, max=1_000_000, help="sessions at a time", rich_help_panel=LIMITS)
    ] = Limits.sessions,
    session_seconds: Annotated[
        float,
        typer.Option(metavar="SECONDS", min=1, help="until a session that nobody asks expires", rich_help_panel=LIMITS),
    ] = Limits.session_seconds,
    idle_seconds: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            min=0,
            help="until a session that nobody asks may make room for a new one",
            rich_help_panel=LIMITS,
        ),
    ] = Limits.idle_seconds,
    tokens: Annotated[
        int,
        typer.Option(metavar="N", min=1, max=1_000_000, help="tokens written for a request", rich_help_panel=LIMITS),
    ] = Limits.tokens,
    items: Annotated[
        int, typer.Option(metavar="N", min=1, max=100_000, help="inputs of a request", rich_help_panel=LIMITS)
    ] = Limits.items,
    seconds: Annotated[
        float, typer.Option(metavar="SECONDS", min=1, help="until a request is answered", rich_help_panel=LIMITS)
    ] = Limits.seconds,
    body_bytes: Annotated[
        int,
        typer.Option(metavar="N", min=1_024, max=1 << 30, help="bytes of a request's body", rich_help_panel=LIMITS),
    ] = Limits.most_bytes,
    connections: Annotated[
        int, typer.Option(metavar="N", min=1, help="connections at a time", rich_help_panel=LIMITS)
    ] = Limits.connections,
) -> None:
    """Serve a trained model over HTTP: JSON, server-sent events, and sessions whose state stays on the server.

    Which routes there are depends on what the model can: predict, generate, score, forecast, frames that arrive; GET
    /openapi.json says them all. Ctrl-C, or SIGTERM, stops it when what was asked is answered. Needs the extra `serve`:
    pip install 'recurra[serve]'

    \b
    recurra serve runs/input-lstm
    curl -s localhost:8000/generate --json '{"prompt": "ROMEO:", "length": 100}'
    curl -N localhost:8000/generate --json '{"prompt": "ROMEO:", "stream": true}'
    curl -s localhost:8000/sessions --json '{}'          a session's token
    recurra serve runs/input-lstm --host 0.0.0.0 --name models.example.org
    """
    try:
        from recurra.serve.running import Place, token_of
        from recurra.serve.running import serve as serve_run
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in ("fastapi", "starlette", "uvicorn", "prometheus_client"):
            raise
        raise UsageError(f"serving needs {error.name}, which is not installed\npip install 'recurra[serve]'") from None
    from recurra.api.run import load

    place = Place(
        host, port, tuple(name or ()), tuple(origin or ()), None if token_file is None else token_of(token_file), drain
    )
    limits = Limits(
        most_bytes=body_bytes,
        items=items,
        tokens=tokens,
        seconds=seconds,
        connections=connections,
        sessions=sessions,
        session_seconds=session_seconds,
        idle_seconds=idle_seconds,
    )
    serve_run(load(run), place, limits, threads=threads, say=note)
    note("stopped")
