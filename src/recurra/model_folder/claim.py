"""A place for a model folder, kept from the first moment of a run to its last: nobody else writes there meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from recurra.errors import ModelFolderError, UsageError
from recurra.locks import HeldError, Lock, acquire
from recurra.model_folder import swap

ATTEMPTS = 100


@contextmanager
def claimed(folder: Path, *, overwrite: bool, resumed: bool = False) -> Iterator[Path]:
    """The folder, while this is entered; overwriting or not, of several runs one has it and the others are refused.

    Errors: UsageError as `check_target`, and if another run has it; ModelFolderError if nothing can be written there
    """
    if not resumed:
        swap.check_target(folder, overwrite=overwrite)
    remedy = "wait for it" if resumed else "wait for it or choose another --out"
    with _above(folder):
        try:
            lock = _acquired(folder)
        except HeldError as error:
            raise UsageError(f"{swap.held(folder, error)}; {remedy}") from error
        with lock:
            if not resumed:
                swap.check_target(folder, overwrite=overwrite)  # another run may just have ended
            yield folder


@contextmanager
def claimed_new(name: Path) -> Iterator[Path]:
    """The first of `name`, name-2, name-3, ... that is not there and that no other run has.

    Errors: ModelFolderError if nothing can be written there
    """
    number = 0
    with _above(name):
        while True:
            number += 1
            folder = name if number == 1 else name.with_name(f"{name.name}-{number}")
            if _is_taken(folder):
                continue
            try:
                lock = _acquired(folder)
            except HeldError:
                continue
            with lock:
                if not _is_taken(folder):
                    yield folder
                    return


def _is_taken(folder: Path) -> bool:
    return swap.standing(folder.resolve()).exists()


def _acquired(folder: Path) -> Lock:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            folder.resolve().parent.mkdir(parents=True, exist_ok=True)
            return acquire(folder)
        except FileNotFoundError as error:  # a run that failed has just taken its empty folder away
            if attempt == ATTEMPTS:
                raise _unwritable(folder, error) from error
        except OSError as error:
            raise _unwritable(folder, error) from error
    raise AssertionError("unreachable: the last attempt returns or raises")


def _unwritable(folder: Path, error: OSError) -> ModelFolderError:
    return ModelFolderError(f"{folder}: cannot be written: {error.strerror or error}")


@contextmanager
def _above(folder: Path) -> Iterator[None]:
    """The folders above that were not there before are taken away again if they are empty."""
    made = [parent for parent in folder.resolve().parents if not parent.exists()]
    try:
        yield
    finally:
        for parent in made:
            with suppress(OSError):
                parent.rmdir()
