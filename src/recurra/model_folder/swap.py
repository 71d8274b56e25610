"""Putting a whole folder in the place of another, so that a crash at any moment leaves one of the two.

    .NAME.writing-PROCESS-RANDOM   the new folder while its files are written and synced
    .NAME.replaced                 the old folder from the moment it gives way until it is removed
    .NAME.lock                     while anybody writes, see `recurra.locks`

The steps: write the new folder; rename NAME to .NAME.replaced; rename the new folder to NAME; remove .NAME.replaced.
Killed before the second rename, the old folder is whole under one of its two names, where `standing` finds it; killed
after it, the new one is whole. The next writing clears away what a killed one left.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import re
import secrets
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from recurra.errors import ModelFolderError, UsageError
from recurra.locks import HeldError, holding
from recurra.model_folder import manifest
from recurra.model_folder.content import Content, Kept, Tensors
from recurra.owners import TOKEN, Owner, token_may_live

PATIENCE = 10.0
"""Seconds that a writing waits for another one to end."""
BLOCK = 1 << 20
LOST = 86_400.0
"""Seconds after which what another machine's writing left is nobody's any more."""

log = logging.getLogger("recurra.model_folder")

_ACTIVE: set[Path] = set()  # the folders that this process is writing


def check_target(folder: Path | str, *, overwrite: bool = False) -> None:
    """Whether a model could be written there; to be asked before hours of training, too.

    Errors:  UsageError if it exists and overwrite is False, is a file, or is neither a model folder nor empty:
             such a one is never removed
    """
    with _explained(folder):
        _check_target(folder, Path(folder).resolve(), overwrite)


def _check_target(folder: Path | str, path: Path, overwrite: bool) -> None:
    if not path.name:
        raise UsageError(f"{folder} cannot be a model folder; choose another --out")
    above = next(parent for parent in path.parents if parent.exists())
    if not above.is_dir():
        raise UsageError(f"{folder} cannot be a model folder: {above} is a file; choose another --out")
    standing_at = standing(path)
    if not standing_at.exists():
        return
    if not standing_at.is_dir():
        raise UsageError(f"{folder} exists and is not a folder; choose another --out")
    if not overwrite:
        raise UsageError(f"{folder} already exists; replace it with --overwrite or choose another --out")
    if any(standing_at.iterdir()):
        try:
            manifest.load(standing_at)
        except ModelFolderError as error:
            raise UsageError(
                f"{folder} exists and is not a model folder, so it is never overwritten; choose another --out\n{error}"
            ) from error


def standing(path: Path) -> Path:
    """Where the folder stands: at `path`, or set aside by a writing that was killed between its two renames."""
    aside = _aside(path)
    if not path.exists() and is_whole(aside):
        return aside
    return path


def is_whole(folder: Path) -> bool:
    """Whether every file that the folder's manifest lists is there unaltered."""
    try:
        for one in manifest.load(folder).values():
            manifest.content(folder, one)
    except ModelFolderError:
        return False
    return True


def put(folder: Path | str, contents: Mapping[str, Content], *, overwrite: bool) -> None:
    """Write a folder of these files and its manifest, whole or not at all. What is `Kept` is the old folder's.

    Files in a replaced folder that its manifest does not list are somebody's own; they are moved into the new one.
    Errors:  UsageError as check_target; ModelFolderError if the system cannot write it
    """
    check_target(folder, overwrite=overwrite)
    path = Path(folder).resolve()
    with _explained(folder):
        path.parent.mkdir(parents=True, exist_ok=True)
        with holding(path, patience=PATIENCE):
            check_target(folder, overwrite=overwrite)
            _clear_up(path)
            new = path.with_name(f".{path.name}.writing-{Owner.here().token()}-{secrets.token_hex(4)}")
            _ACTIVE.add(new)
            try:
                _fill(new, contents, path)
                _exchange(new, path)
            finally:
                _remove(new)
                _ACTIVE.discard(new)
            _retire_in_the_end(_aside(path), path)


@contextmanager
def _explained(folder: Path | str) -> Iterator[None]:
    try:
        yield
    except HeldError as error:
        raise UsageError(f"{held(folder, error)}; wait for it or choose another --out") from error
    except OSError as error:
        raise ModelFolderError(f"{folder}: cannot be written: {error.strerror or error}") from error


def held(folder: Path | str, error: HeldError) -> str:
    """The error message for a folder that another process writes."""
    return f"{folder} is being written by {'another process' if error.owner is None else error.owner.describe()}"


def _remove(new: Path) -> None:
    """The folder, as far as the system lets it; what is left the next writing clears away."""
    for _ in range(2):
        shutil.rmtree(new, ignore_errors=True)


def _retire_in_the_end(aside: Path, path: Path) -> None:
    """The new folder stands, so what is left of the old one is no failure."""
    for last in (False, True):
        try:
            _retire(aside, path)
            return
        except (OSError, ModelFolderError) as error:
            if last:
                log.warning("%s could not be removed and can be deleted: %s", aside, error)


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.name}.replaced")


def _fill(new: Path, contents: Mapping[str, Content], old: Path) -> None:
    new.mkdir()
    there = manifest.load(old) if any(isinstance(content, Kept) for content in contents.values()) else {}
    entries = []
    for name, content in sorted(contents.items()):
        if isinstance(content, Kept):
            if content.name not in there:
                raise ModelFolderError(f"{old} has no file {content.name} any more")
            _link(old / content.name, new / name)
            entries.append(replace(there[content.name], file=name))
        else:
            entries.append(_write_synced(new / name, content))
    _write_synced(new / manifest.MANIFEST, manifest.to_bytes(entries))
    _sync_folder(new)


def _link(old: Path, new: Path) -> None:
    """The same file under another name, or a copy where the system has no such names."""
    if old.is_symlink():
        raise ModelFolderError(f"{old} is a link, not a file")
    try:
        os.link(old, new)
    except OSError:
        with old.open("rb") as file:
            _write_synced(new, iter(functools.partial(file.read, BLOCK), b""))


def _exchange(new: Path, path: Path) -> None:
    aside = _aside(path)
    try:
        if path.exists():
            if any(path.iterdir()):
                os.rename(path, aside)
            else:
                path.rmdir()
        os.rename(new, path)
        _sync_folder(path.parent)
    except BaseException:
        if aside.exists():
            if path.exists():
                os.rename(path, new)
            os.rename(aside, path)
        raise


def _clear_up(path: Path) -> None:
    """Finish or undo what a killed writing left beside `path`."""
    aside = _aside(path)
    if aside.exists() and any(aside.iterdir()):
        try:
            manifest.load(aside)
        except ModelFolderError as error:
            raise ModelFolderError(
                f"{aside} is in the way and not a model folder; move it elsewhere\n{error}"
            ) from error
    if standing(path) == aside:
        os.rename(aside, path)
    elif path.exists():
        _retire(aside, path)
    pattern = re.compile(rf"{re.escape(f'.{path.name}.writing-')}{TOKEN}-[0-9a-f]{{8}}")
    own = Owner.here().token()
    for beside in path.parent.iterdir():
        match = pattern.fullmatch(beside.name)
        if match and beside not in _ACTIVE and (own in beside.name or not _may_live(beside, match)):
            shutil.rmtree(beside, ignore_errors=True)


def _may_live(beside: Path, match: re.Match[str]) -> bool:
    lives = token_may_live(*match.groups())
    return time.time() - beside.stat().st_mtime < LOST if lives is None else lives


def _retire(aside: Path, path: Path) -> None:
    """Remove a replaced folder, its manifest last; what the manifest does not list moves to `path`."""
    if not aside.exists():
        return
    if any(aside.iterdir()):
        for name in manifest.load(aside):
            listed = aside / name
            if listed.is_symlink() or listed.is_file():
                os.unlink(listed)
        for own in sorted(aside.iterdir()):
            if own.name != manifest.MANIFEST:
                os.rename(own, _free(path / own.name))
        os.unlink(aside / manifest.MANIFEST)
    aside.rmdir()
    _sync_folder(path.parent)


def _free(path: Path) -> Path:
    """The path, or where that is taken, one with a number behind its name."""
    number = 0
    free = path
    while os.path.lexists(free):
        number += 1
        free = path.with_name(f"{path.name}.{number}")
    return free


def _write_synced(path: Path, content: bytes | Tensors | Iterator[bytes]) -> manifest.Entry:
    size, found = 0, hashlib.sha256()
    with path.open("xb") as file:
        for piece in (content,) if isinstance(content, bytes) else content:
            file.write(piece)
            found.update(piece)
            size += len(piece)
        file.flush()
        os.fsync(file.fileno())
    return manifest.Entry(path.name, size, found.hexdigest())


def _sync_folder(path: Path) -> None:
    if sys.platform == "win32":  # folders cannot be opened there, and need no sync
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
