"""Large tagged data as a tagger reads them: read and encoded once, then mapped from the cache."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from recurra.data.corpus.arrays import load_arrays, load_letters, write_arrays, write_letters
from recurra.data.packed import packed
from recurra.data.ragged import Ragged, digest
from recurra.data.splits import PARTS
from recurra.data.tagged.packed import PackedSentences
from recurra.tasks.read_once import Storing
from recurra.tasks.sources.source import Source, hashes
from recurra.tasks.tag.preprocessor import TagPreprocessor
from recurra.topologies.tagger import UNKNOWN_TAG

if TYPE_CHECKING:
    from recurra.tasks.tag.data import TagData

Array = npt.NDArray[Any]


def _write(folder: Path, data: TagData) -> None:
    found = {tag for part in data.parts.values() for sentence in part.sentences for tag in sentence.tags}
    names = [*data.tags, *sorted(found - {*data.tags})]
    place, arrays = {name: number for number, name in enumerate(names)}, dict[str, Array]()
    for name, part in data.parts.items():
        count, last = part.tokens, max((sentence.lines[-1] for sentence in part.sentences), default=0)
        tags = (place[tag] for sentence in part.sentences for tag in sentence.tags)
        lines = chain.from_iterable(sentence.lines for sentence in part.sentences)
        arrays |= {
            f"{name}-starts": part.encoded.starts,
            f"{name}-encoded": part.encoded.values,
            f"{name}-tags": _numbers(tags, count, len(names)),
            f"{name}-lines": _numbers(lines, count, last),
            f"{name}-words": part.words,
            f"{name}-letters": part.letters.values,
            f"{name}-ends": part.letters.starts,
        }
        arrays |= {} if part.pairs is None else {f"{name}-pairs": part.pairs}
        arrays |= write_letters(folder, f"{name}-forms", packed(part.forms))
    header = {
        "names": names,
        "scheme": data.scheme,
        "preprocessor": None if data.kept is not None else data.preprocessor.to_json(),
        "facts": data.facts | {"training_part": digest(data.read_words())},
        "notes": data.notes,
    }
    write_arrays(folder, header, arrays)


def _numbers(found: Iterable[int], count: int, most: int) -> Array:
    return np.fromiter(found, np.min_scalar_type(most), count)


def _load(folder: Path, source: Source, kept: TagPreprocessor | None) -> TagData:
    from recurra.tasks.tag.data import TagData, TagPart

    header, mapped = load_arrays(folder)
    arrays = {name: np.asarray(array) for name, array in mapped.items()}
    learned = TagPreprocessor.from_json(header["preprocessor"]) if kept is None else kept
    names, parts = header["names"], {}
    index = {tag: number for number, tag in enumerate(learned.tags)}
    labels = np.array([index.get(name, UNKNOWN_TAG) for name in names], np.min_scalar_type(-len(names)))
    for name in PARTS:
        encoded, tags, lines = (
            Ragged(arrays[f"{name}-{of}"], arrays[f"{name}-starts"]) for of in ("encoded", "tags", "lines")
        )
        forms = load_letters(folder, f"{name}-forms", arrays)
        parts[name] = TagPart(
            PackedSentences(_file(source.files, name), forms, encoded, names, tags, lines),
            forms,
            arrays[f"{name}-words"],
            Ragged(arrays[f"{name}-letters"], arrays[f"{name}-ends"]),
            arrays.get(f"{name}-pairs"),
            encoded,
            Ragged(labels[tags.values], tags.starts),
        )
    facts = header["facts"] | {"name": source.name, "files": hashes(source.files)}
    own = learned.tags, header["scheme"], learned.lexicon
    return TagData(*own, parts, facts, header["notes"], learned.habit, kept, place=folder)


def _file(files: Mapping[str, Path], part: str) -> Path:
    """In which the sentences of a part stand: its own, or that which was divided."""
    return next(files[name] for name in (part, "train", "all") if name in files)


STORING = Storing(made_by=1, disk=6.0, write=_write, load=_load)
"""Bytes of disk: of a token its index, its tag's and its line's number, and each different one once."""
