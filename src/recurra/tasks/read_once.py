"""Large data as a task reads them: read and encoded once, then mapped from the cache."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

from recurra.data.corpus import cache
from recurra.data.corpus.arrays import check_room, file_key
from recurra.data.datasets.download import cache_folder
from recurra.data.tokens import chinese, most_words
from recurra.errors import DataError
from recurra.tasks.settings import TextSettings
from recurra.tasks.sources.source import Source
from recurra.tasks.task import Preprocessor

WORTH_STORING = 1 << 23
"""Bytes of files that take some seconds to be read, of short rows half a minute."""

CUT = "cut.json"
"""How many words there were, where a bound left some out, see data.tokens.most_words."""

T = TypeVar("T")

log = logging.getLogger("recurra.data")


def is_large(source: Source) -> bool:
    """Whether what is read of a source is worth being stored."""
    return bytes_of(source) >= WORTH_STORING


def bytes_of(source: Source) -> int:
    """Of its files."""
    return sum(path.stat().st_size for path in source.files.values() if path.is_file())


@dataclass(frozen=True)
class Storing(Generic[T]):
    """How a task keeps what it reads.

    made_by: a number that another way of reading changes; disk: bytes that a byte of data takes while it is stored;
    write: into a folder; load: from it, of this source and what an earlier run learned
    """

    made_by: int
    disk: float
    write: Callable[[Path, T], None]
    load: Callable[[Path, Source, Any], T]


def read_once(
    source: Source,
    settings: TextSettings,
    seed: int,
    kept: Preprocessor | None,
    build: Callable[[Path], T],
    how: Storing[T],
    asked: Sequence[bool | None] = (),
) -> T:
    """What the cache holds of these data, built if it holds nothing whole. build: given a folder for large files;
    asked: what else it depends on

    Errors: DataError of the data, for a cache that cannot be written to, or for a disk that is too small for it
    """
    key = {
        source.task: how.made_by,
        "files": file_key(source.files),
        "settings": settings.model_dump(mode="json"),
        "seed": seed,
        "kept": None if kept is None else cache.content_digest(kept.to_json()),
        **({"asked": list(asked)} if asked else {}),
        "segmenter": chinese.segmenter().identity.to_json() if settings.word_split == "chinese" else None,
    }
    bound, place = most_words.bound(), cache_folder() / "tables"
    bounded = None
    if bound is not None:
        of_fewer = settings.model_copy(update={"max_vocabulary": bound.suited})
        bounded = place / cache.key(key | {"settings": of_fewer.model_dump(mode="json")})

    def built(folder: Path) -> Path | None:
        check_room(folder, source.files.values(), how.disk)
        how.write(folder, build(folder))
        if bound is None or not bound.cut:
            return None
        (folder / CUT).write_text(json.dumps(bound.cut), encoding="utf-8")
        return bounded

    def loaded(folder: Path) -> T:
        try:
            return how.load(folder, source, kept)
        except (OSError, ValueError, KeyError, TypeError, DataError):
            if bound is None or bounded is None:
                raise
            found = how.load(bounded, source, kept)
            bound.cut[:] = json.loads((bounded / CUT).read_text(encoding="utf-8"))
            return found

    return cache.whole_or_built(place / cache.key(key), loaded, built, what="table")


def kept_features(place: Path, name: str, found: Callable[[], tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Keys and scales that a linear model knows, beside the data from which they were found once."""
    path = place / f"{name}.npz"
    try:
        with np.load(path, allow_pickle=False) as there:
            keys, scale = torch.from_numpy(there["keys"]), torch.from_numpy(there["scale"])
            if len(keys) == len(scale):
                return keys, scale
    except FileNotFoundError:
        pass
    except (OSError, ValueError, KeyError, EOFError) as error:
        log.warning("the cached file %s is damaged (%s); it is made again", path, error)
    keys, scale = found()
    if os.access(place, os.W_OK):
        temporary = path.with_name(f".{name}.{os.getpid()}.npz")
        np.savez(temporary, keys=keys.numpy(), scale=scale.numpy())
        temporary.replace(path)
    return keys, scale
