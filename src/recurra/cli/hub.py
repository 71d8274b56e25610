"""`recurra push` and `recurra pull`: model folders on a hub."""

from __future__ import annotations

from typing import Annotated

import typer

from recurra.cli.models import JsonOption, RunArgument
from recurra.cli.output import note, write_json, write_result

RepoArgument = Annotated[str, typer.Argument(metavar="REPO", help="the repository, OWNER/NAME")]


def push(
    run: RunArgument,
    repo: RepoArgument,
    revision: Annotated[str | None, typer.Option(metavar="NAME", help="a branch; the main one if not given")] = None,
    private: Annotated[bool, typer.Option("--private", help="the repository, if it is made")] = False,
    state: Annotated[bool, typer.Option("--state", help="with what the run goes on from (--resume)")] = False,
    report: Annotated[bool, typer.Option("--report/--no-report", help="with the report, which quotes data")] = True,
    message: Annotated[str | None, typer.Option(metavar="TEXT", help="of the commit")] = None,
    json: JsonOption = False,
) -> None:
    """Push a model folder to a hub, where `recurra pull` finds it.

    Weights are safetensors; nothing but the files of the model's own list is sent. Log in first: hf auth login. Prints
    the commit.

    \b
    recurra push runs/names-gru ada/names
    recurra push runs/names-gru ada/names --private --no-report
    """
    from recurra.api.hub import push as send
    from recurra.api.progress import ProgressLogger

    with ProgressLogger().doing(f"pushing {run}"):
        found = send(run, repo, revision=revision, private=private, state=state, report=report, message=message)
    if report and "report.html" in found.files:
        note("the report quotes examples of the data, and was pushed too; --no-report leaves it out")
    if json:
        write_json(vars(found))
        return
    write_result(f"{found.commit}\n")


def pull(
    repo: RepoArgument,
    out: Annotated[
        str | None, typer.Option("--out", "-o", metavar="FOLDER", help="the model folder; runs/NAME if not given")
    ] = None,
    revision: Annotated[
        str | None, typer.Option(metavar="COMMIT", help="a commit; of a branch or a tag its commit is said")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace the model folder if there is one")] = False,
    json: JsonOption = False,
) -> None:
    """Pull a model folder from a hub.

    Only what its list names is fetched, and held against its sizes and hashes; loading it executes nothing. Prints the
    folder's name.

    \b
    recurra pull ada/names
    recurra pull ada/names --revision 0123456789abcdef0123456789abcdef01234567
    """
    from recurra.api.hub import pull as fetch
    from recurra.api.progress import ProgressLogger

    with ProgressLogger().doing(f"pulling {repo}"):
        found = fetch(repo, out, revision=revision, overwrite=overwrite, say=note)
    if found.left:
        note(f"{len(found.left)} other files of the repository are not of the model and were left there")
    if json:
        write_json(vars(found) | {"folder": str(found.folder)})
        return
    write_result(f"{found.folder}\n")
