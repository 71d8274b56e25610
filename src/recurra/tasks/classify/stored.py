"""A large table as a classifier reads it: read and encoded once, then mapped from the cache."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from recurra.data.corpus.arrays import load_arrays, load_letters, write_arrays, write_letters
from recurra.data.files.examples import Examples
from recurra.data.files.rows import ExampleRows
from recurra.data.ragged import Ragged, digest
from recurra.data.tokens.vocabulary import Vocabulary
from recurra.tasks.classify.preprocessor import ClassifyPreprocessor
from recurra.tasks.classify.settings import ClassifyDataSettings
from recurra.tasks.read_once import Storing, is_large
from recurra.tasks.sources.source import Source, hashes

if TYPE_CHECKING:
    from recurra.tasks.classify.data import ClassifyData


def is_worth_it(source: Source, settings: ClassifyDataSettings) -> bool:
    """Whether what is read of a source is stored: a large table, of which the spelling is not read beside words."""
    return source.kind == "table" and settings.level != "both" and is_large(source)


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
                bases.append({"name": rows.file.name, "names": rows.names})
                arrays |= write_letters(folder, f"{number}", rows.texts)
                arrays |= {f"{number}-labels": rows.labels, f"{number}-lines": rows.lines}
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
        texts = load_letters(folder, f"{number}", arrays)
        labels, lines = (np.asarray(arrays[f"{number}-{of}"]) for of in ("labels", "lines"))
        none = np.zeros((0, 2), np.uint64)
        bases.append(ExampleRows(by_name[base["name"]], texts, base["names"], labels, lines, none))
    parts = {}
    for name, part in header["parts"].items():
        encoded = Ragged(arrays[f"{name}-values"], np.asarray(arrays[f"{name}-starts"]))
        examples = Examples()
        if part["base"] is not None:
            examples = Examples(bases[part["base"]].at(np.asarray(arrays[f"{name}-rows"])))
        labels = np.array(arrays[f"{name}-labels"])  # in memory, for torch wants what could be written to
        parts[name] = Part(examples.texts, encoded, labels, part["truncated"], part["empty"], examples=examples)
    facts = header["facts"] | {"name": source.name, "files": hashes(source.files)}
    vocabulary = kept.vocabulary if kept is not None else Vocabulary.from_json(header["vocabulary"])
    return ClassifyData(header["classes"], vocabulary, parts, facts, header["notes"], kept, place=folder)


STORING = Storing(made_by=1, disk=5.0, write=_write, load=_load)
"""Bytes of disk: the text of a table twice, and the ids of its words twice."""
