"""A large table as a classifier reads it: read and encoded once, then mapped from the cache."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from recurra.data.corpus import cache
from recurra.data.corpus.arrays import check_room, file_key, load_arrays, write_arrays
from recurra.data.datasets.download import cache_folder
from recurra.data.files.examples import Examples
from recurra.data.files.rows import ExampleRows
from recurra.data.packed import OnDisk, PackedTexts
from recurra.data.ragged import Ragged, digest
from recurra.data.tokens import chinese
from recurra.data.tokens.vocabulary import Vocabulary
from recurra.tasks.classify.linear import Features
from recurra.tasks.classify.preprocessor import ClassifyPreprocessor
from recurra.tasks.classify.settings import ClassifyDataSettings
from recurra.tasks.sources.source import Source, hashes

if TYPE_CHECKING:
    from recurra.tasks.classify.data import ClassifyData

log = logging.getLogger("recurra.data")

WORTH_STORING = 1 << 25
"""Bytes of a table that takes some seconds to be read."""
DISK = 5.0
"""Bytes of disk that a byte of a table takes while it is stored: its text twice, and the ids of its words twice."""
_FORMAT = 1
_ROWS = ("starts", "labels", "lines")


def is_worth_it(source: Source, settings: ClassifyDataSettings) -> bool:
    """Whether what is read of a source is stored: a large table, of which the spelling is not read beside words."""
    size = sum(path.stat().st_size for path in source.files.values() if path.is_file())
    return source.kind == "table" and size >= WORTH_STORING and settings.level != "both"


def stored(
    source: Source,
    settings: ClassifyDataSettings,
    seed: int,
    kept: ClassifyPreprocessor | None,
    build: Callable[[Path], ClassifyData],
) -> ClassifyData:
    """What the cache holds of these data, built if it holds nothing whole. build: given a folder for large files

    Errors: DataError of the data, for a cache that cannot be written to, or for a disk that is too small for it
    """
    key = {
        "classify": _FORMAT,
        "files": file_key(source.files),
        "settings": settings.model_dump(mode="json"),
        "seed": seed,
        "kept": None if kept is None else cache.content_digest(kept.to_json()),
        "segmenter": chinese.segmenter().identity.to_json() if settings.word_split == "chinese" else None,
    }

    def write(folder: Path) -> None:
        check_room(folder, source.files.values(), DISK)
        _write(folder, build(folder))

    folder = cache_folder() / "tables" / cache.key(key)
    return cache.whole_or_built(folder, lambda path: _load(path, source, kept), write, what="table")


def _write(folder: Path, data: ClassifyData) -> None:
    files: dict[int, int] = {}
    bases, parts, arrays = list[dict[str, Any]](), dict[str, Any](), dict[str, Any]()
    for name, part in data.parts.items():
        assert part.examples is not None
        rows, encoded = part.examples.items, part.encoded
        assert isinstance(encoded, Ragged)
        number = None
        if isinstance(rows, ExampleRows):
            number = files.setdefault(id(rows.keys), len(files))
            if number == len(bases):
                texts = rows.texts
                with (folder / f"{number}.letters").open("wb") as file:
                    for start in range(0, int(texts.starts[-1]), 1 << 24):
                        file.write(texts.letters.read(start, min(start + (1 << 24), int(texts.starts[-1]))))
                bases.append({"name": rows.file.name, "names": rows.names})
                arrays |= {f"{number}-starts": texts.starts, f"{number}-labels": rows.labels}
                arrays[f"{number}-lines"] = rows.lines
            arrays[f"{name}-rows"] = rows.texts.rows
        arrays |= {f"{name}-values": encoded.values, f"{name}-starts": encoded.starts, f"{name}-labels": part.labels}
        parts[name] = {"truncated": part.truncated, "empty": part.empty, "base": number}
    header = {
        "vocabulary": data.vocabulary.to_json(),
        "classes": data.classes,
        "facts": data.facts | {"training_part": digest(data.parts["train"].encoded)},
        "notes": data.notes,
        "parts": parts,
        "bases": bases,
    }
    write_arrays(folder, header, arrays)


def _load(folder: Path, source: Source, kept: ClassifyPreprocessor | None) -> ClassifyData:
    from recurra.tasks.classify.data import ClassifyData, Part

    header, arrays = load_arrays(folder)
    by_name = {path.name: path for path in source.files.values()}
    bases = []
    for number, base in enumerate(header["bases"]):
        letters = OnDisk((folder / f"{number}.letters").open("rb"))
        starts, labels, lines = (np.asarray(arrays[f"{number}-{of}"]) for of in _ROWS)
        texts = PackedTexts(letters, starts)
        none = np.zeros((0, 2), np.uint64)
        bases.append(ExampleRows(by_name[base["name"]], texts, base["names"], labels, lines, none))
    parts = {}
    for name, part in header["parts"].items():
        encoded = Ragged(arrays[f"{name}-values"], np.asarray(arrays[f"{name}-starts"]))
        examples = Examples()
        if part["base"] is not None:
            examples = Examples(bases[part["base"]].at(np.asarray(arrays[f"{name}-rows"])))
        labels = np.asarray(arrays[f"{name}-labels"])
        parts[name] = Part(examples.texts, encoded, labels, part["truncated"], part["empty"], examples=examples)
    facts = header["facts"] | {"name": source.name, "files": hashes(source.files)}
    vocabulary = kept.vocabulary if kept is not None else Vocabulary.from_json(header["vocabulary"])
    return ClassifyData(header["classes"], vocabulary, parts, facts, header["notes"], kept, place=folder)


def features(place: Path, name: str, found: Callable[[], Features]) -> Features:
    """The n-grams of a linear classifier, beside the data from which they were found once."""
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
