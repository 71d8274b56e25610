"""Model folders on a hub, through huggingface_hub: pushed whole, pulled by a commit, checked file by file.

Nothing but the files that a folder's manifest lists is sent or fetched, of kinds that hold data alone: safetensors,
JSON and pages, never a pickle. A pull names its commit; what comes is held against the manifest's sizes and SHA-256.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from recurra import model_folder
from recurra.api.resuming import PREVIOUS, PREVIOUS_WEIGHTS, STATE
from recurra.api.training_run import RECORD, REPORT
from recurra.errors import ModelFolderError, RecurraError, UsageError, listed
from recurra.model_folder import manifest, swap
from recurra.model_folder.claim import claimed
from recurra.model_folder.manifest import MANIFEST, Entry
from recurra.tasks.given import path

MISSING = "a hub needs huggingface_hub: pip install 'recurra[hub]'"
KINDS = (".safetensors", ".json", ".html", ".md", ".csv", ".txt", ".svg", ".png")
"""How the names of files end that are sent and fetched."""
STATES = (*(f"{name}.{kind}" for name in (STATE, PREVIOUS) for kind in ("json", "safetensors")), PREVIOUS_WEIGHTS)
"""What a run goes on from, several times as large as its weights."""
_COMMIT = re.compile(r"[0-9a-f]{40}", re.ASCII)
_REPO = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)


@dataclass(frozen=True)
class Pushed:
    """What was sent. commit: 40 hexadecimal digits, which `pull` can be given; files: their names"""

    repo: str
    commit: str
    files: list[str]


@dataclass(frozen=True)
class Pulled:
    """What was fetched. commit: the one it is of; left: files of the repository that the model does not list"""

    folder: Path
    repo: str
    commit: str
    files: list[str]
    left: list[str]


def push(
    folder: str | Path,
    repo: str,
    *,
    revision: str | None = None,
    private: bool = False,
    state: bool = False,
    report: bool = True,
    message: str | None = None,
    token: str | None = None,
    endpoint: str | None = None,
) -> Pushed:
    """Send a model folder to a repository of a hub, which is made if there is none; one commit.

    repo: OWNER/NAME; revision: a branch, the main one if None; private: if it is made; state: with what the run goes on
    from; report: with report.html and report.json, which quote examples of the data; token, endpoint: those that
    huggingface_hub has stored if None
    Errors: ModelFolderError; UsageError for a file that is no data, a name that is none, no permission; RecurraError if
    the hub cannot be reached
    """
    found = model_folder.read(path(folder, "folder"))
    left_out = {*(() if state else STATES), *(() if report else (REPORT, RECORD))}
    entries = [one for name, one in sorted(found.files.items()) if name not in left_out]
    _check_kinds(entries, str(folder))
    with _asking(repo) as (hub, api_of):
        api = api_of(token, endpoint)
        from huggingface_hub import CommitOperationAdd

        files = [CommitOperationAdd(one.file, str(found.path / one.file)) for one in entries]
        operations = [*files, CommitOperationAdd(MANIFEST, manifest.to_bytes(entries))]
        if not api.repo_exists(repo):
            api.create_repo(repo, private=private)
        made = api.create_commit(
            repo,
            operations,
            revision=revision,
            commit_message=message or f"A model of the task {found.config.get('task')}",
        )
    return Pushed(repo, _commit_of(made.oid, hub), [*(one.file for one in entries), MANIFEST])


def pull(
    repo: str,
    out: str | Path | None = None,
    *,
    revision: str | None = None,
    overwrite: bool = False,
    token: str | None = None,
    endpoint: str | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Pulled:
    """Fetch a model folder from a repository of a hub. Load it with `recurra.load`; nothing in it is executed.

    repo: OWNER/NAME; out: the folder, runs/NAME if None; revision: a commit, all 40 digits of it, is what it is for
    ever; of a branch or a tag the commit is looked up and said; say: hears of it, and of the files as they come
    Errors: UsageError for a repository or a revision that is not there; ModelFolderError for one that holds no model, a
    file that is not as the manifest says, or is no data; RecurraError if the hub cannot be reached
    """
    _check_repo(repo)
    folder = Path("runs") / repo.partition("/")[2] if out is None else path(out, "out")
    with claimed(folder, overwrite=overwrite), _asking(repo) as (hub, api_of), TemporaryDirectory() as above:
        api, temporary = api_of(token, endpoint), Path(above) / "model"
        about = api.model_info(repo, revision=revision, files_metadata=True)
        commit = _commit_of(about.sha, hub)
        if revision != commit:
            say(
                f"{revision or 'the main branch'} of {repo} is now {commit}; with --revision and this it stays the same"
            )
        sizes = {each.rfilename: each.size for each in about.siblings or ()}
        if MANIFEST not in sizes:
            raise ModelFolderError(f"{repo} at {commit[:12]} holds no model of Recurra: {MANIFEST} is missing")

        def fetch(name: str, most: int) -> None:
            size = sizes[name]
            if size is not None and size > most:
                raise ModelFolderError(f"{repo}: {name} has {size:,} bytes, expected {most:,} at most")
            api.hf_hub_download(repo, name, revision=commit, local_dir=temporary)

        try:
            fetch(MANIFEST, manifest.LARGEST[MANIFEST])
            files = manifest.load(temporary)
            _check_kinds(list(files.values()), repo)
            if missing := sorted(files.keys() - sizes.keys()):
                raise ModelFolderError(f"{repo} at {commit[:12]} lacks {listed(missing)}, which its manifest lists")
            for name, one in files.items():
                say(f"fetching {name}, {one.bytes:,} bytes")
                fetch(name, one.bytes)
            whole = model_folder.read(temporary)
            contents = {name: manifest.content(whole.path, one) for name, one in whole.files.items()}
        except ModelFolderError as error:
            raise ModelFolderError(str(error).replace(str(temporary), repo)) from error
        swap.put(folder, contents, overwrite=overwrite)
    return Pulled(folder, repo, commit, sorted(files), sorted(sizes.keys() - files.keys() - {MANIFEST}))


def _check_kinds(entries: list[Entry], where: str) -> None:
    """Errors: ModelFolderError for a file that may be more than data"""
    odd = [one.file for one in entries if Path(one.file).suffix.lower() not in KINDS]
    if odd:
        raise ModelFolderError(f"{where} lists {listed(odd)}; only files of {', '.join(KINDS)} are sent and fetched")


def _check_repo(repo: object) -> None:
    if not isinstance(repo, str) or _REPO.fullmatch(repo) is None:
        raise UsageError(f"{str(repo)[:100]!r} is no repository; name it as OWNER/NAME")


def _commit_of(found: object, hub: str) -> str:
    if not isinstance(found, str) or _COMMIT.fullmatch(found) is None:
        raise RecurraError(f"{hub} named no commit, but {str(found)[:60]!r}")
    return found


@contextmanager
def _asking(repo: str) -> Iterator[tuple[str, Callable[[str | None, str | None], Any]]]:
    """The hub's name and what makes its client; its errors as this library's. Errors: see `pull`"""
    _check_repo(repo)
    if importlib.util.find_spec("huggingface_hub") is None:
        raise UsageError(MISSING)
    from huggingface_hub import HfApi, errors
    from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]

    disable_progress_bars()
    try:
        yield "the hub", lambda token, endpoint: HfApi(endpoint=endpoint, token=token, library_name="recurra")
    except errors.RevisionNotFoundError as error:
        raise UsageError(f"{repo} has no such revision; name a branch, a tag or a commit") from error
    except errors.RepositoryNotFoundError as error:
        raise UsageError(
            f"the hub has no model {repo} that you may see; check the name, and log in with `hf auth login`"
        ) from error
    except (errors.HFValidationError, errors.LocalTokenNotFoundError) as error:
        raise UsageError(_first_line(error)) from error
    except errors.EntryNotFoundError as error:
        raise ModelFolderError(f"{repo}: {_first_line(error)}") from error
    except errors.HfHubHTTPError as error:
        code = getattr(getattr(error, "response", None), "status_code", None)
        if code in (401, 403):
            raise UsageError(
                f"the hub does not let you do this to {repo} ({code}); log in with `hf auth login`"
            ) from error
        raise RecurraError(f"the hub answered {code or 'nothing'}: {_first_line(error)}") from error
    except Exception as error:
        # of the library that it speaks HTTP with, which is another one in other versions
        home = type(error).__module__.partition(".")[0]
        if home not in ("httpx", "httpx2", "requests") and not isinstance(error, ConnectionError):
            raise
        raise RecurraError(f"the hub cannot be reached: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
