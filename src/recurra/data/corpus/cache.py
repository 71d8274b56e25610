"""Tokenised corpora on disk: a folder per content and settings, written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from recurra.data.tokens.vocabulary import Vocabulary
from recurra.errors import DataError
from recurra.locks import holding
from recurra.terminal import standard_error

FORMAT = 1  # part of every key: a change of the layout or of tokenisation starts a new folder
HEADER = "corpus.json"

T = TypeVar("T")

log = logging.getLogger("recurra.data")


@dataclass(frozen=True)
class Stored:
    """parts: ids by part's name, mapped from disk; characters: by part's name."""

    vocabulary: Vocabulary
    parts: dict[str, npt.NDArray[np.unsignedinteger[Any]]]
    characters: dict[str, int]


def key(settings: dict[str, Any]) -> str:
    """The name of the folder for these settings (JSON values)."""
    return content_digest({"format": FORMAT, **settings})[:32]


def load_or_build(folder: Path, build: Callable[[Path], None]) -> Stored:
    """What the folder holds; if it is not there or not whole, `build` fills a temporary one that takes its place.

    Of several processes one builds it and the others wait.
    Errors: DataError if the cache cannot be written.
    """
    return whole_or_built(folder, _load, build)


def stored(folder: Path) -> Stored | None:
    """What the folder holds, if it is there and whole."""
    return _whole(folder, _load)


def whole_or_built(
    folder: Path, load: Callable[[Path], T], build: Callable[[Path], Path | None], what: str = "corpus"
) -> T:
    """As `load_or_build`, of anything. load: which fails for what is not whole; build: returns the folder whose place
    it is to take, where that turns out to be another one, which `load` then finds too; what: it is, for people"""
    found = _whole(folder, load)
    if found is not None:
        return found
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _building(folder):
            found = _whole(folder, load)
            if found is not None:
                return found
            if os.path.lexists(folder):
                log.warning("the cached %s %s is not whole; it is built again", what, folder)
            temporary = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", suffix=".tmp", dir=folder.parent))
            try:
                other = build(temporary)
                _put_in_place(temporary, folder if other is None else other)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
            return load(folder)
    except OSError as error:
        raise DataError(
            f"the cache cannot be written to: {error.strerror or error}",
            remedy="set RECURRA_CACHE to a folder with room that can",
            file=folder.parent,
        ) from error


def _whole(folder: Path, load: Callable[[Path], T]) -> T | None:
    try:
        return load(folder)
    except (OSError, ValueError, KeyError, TypeError, DataError):
        return None


@contextmanager
def _building(folder: Path) -> Iterator[None]:
    """Nobody else builds this folder; what was left by one who was killed while he did is cleared away."""
    with holding(folder, patience=math.inf, notify=standard_error().log):
        for left in folder.parent.glob(f"{folder.name}.*.tmp"):
            shutil.rmtree(left, ignore_errors=True)
        yield


def write_part(folder: Path, name: str, blocks: Iterable[npt.NDArray[Any]], count: int, dtype: np.dtype[Any]) -> None:
    """One part's `count` ids as <name>.npy, a block at a time."""
    with (folder / f"{name}.npy").open("wb") as file:
        header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": (count,)}
        np.lib.format.write_array_header_1_0(file, header)
        for block in blocks:
            file.write(block.astype(dtype, copy=False).tobytes())


def write_header(folder: Path, vocabulary: Vocabulary, characters: dict[str, int]) -> None:
    """The header, last: it names every part, with its size in bytes."""
    content = {
        "vocabulary": vocabulary.to_json(),
        "parts": {
            name: {"bytes": (folder / f"{name}.npy").stat().st_size, "characters": count}
            for name, count in characters.items()
        },
    }
    text = json.dumps(content, sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()
    (folder / HEADER).write_text(f'{{"content": {text}, "sha256": "{digest}"}}', encoding="utf-8")


def _load(folder: Path) -> Stored:
    whole = json.loads((folder / HEADER).read_text(encoding="utf-8"))
    content = whole["content"]
    if content_digest(content) != whole["sha256"]:
        raise ValueError(f"{HEADER} was altered")
    vocabulary = Vocabulary.from_json(content["vocabulary"])
    parts: dict[str, npt.NDArray[np.unsignedinteger[Any]]] = {}
    for name, part in content["parts"].items():
        path = folder / f"{name}.npy"
        if path.stat().st_size != part["bytes"]:
            raise ValueError(f"{path.name} has {path.stat().st_size} bytes, not {part['bytes']}")
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        parts[name] = array
    return Stored(vocabulary, parts, {name: part["characters"] for name, part in content["parts"].items()})


def _put_in_place(temporary: Path, folder: Path) -> None:
    if folder.is_dir():  # it was not whole
        shutil.rmtree(folder)
    else:
        folder.unlink(missing_ok=True)
    try:
        os.rename(temporary, folder)
    except OSError:
        if not folder.is_dir():  # otherwise another process was faster, with the same content
            raise


def content_digest(content: Any) -> str:
    """SHA-256 of JSON values."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
