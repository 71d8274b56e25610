"""Large parallel files as a translator reads them: read and encoded once, then mapped from the cache."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from recurra.data.corpus.arrays import load_arrays, load_letters, write_arrays, write_letters
from recurra.data.packed import PackedTexts
from recurra.data.ragged import Ragged, digest
from recurra.tasks.read_once import Storing
from recurra.tasks.sources.source import Source, hashes
from recurra.tasks.translate.encoding import PairPart
from recurra.tasks.translate.preprocessor import TranslatePreprocessor

if TYPE_CHECKING:
    from recurra.tasks.translate.data import TranslateData

_SIDES = ("sources", "targets")


def _write(folder: Path, data: TranslateData) -> None:
    files: dict[int, int] = {}
    parts, arrays = dict[str, Any](), dict[str, Any]()
    for name, part in data.parts.items():
        numbers = []
        for side, texts, encoded in zip(
            _SIDES, (part.sources, part.targets), (part.encoded_sources, part.encoded_targets), strict=True
        ):
            arrays |= {f"{name}-{side}-values": encoded.values, f"{name}-{side}-starts": encoded.starts}
            if not isinstance(texts, PackedTexts):
                continue
            number = files.setdefault(id(texts.starts), len(files))
            if f"{number}-starts" not in arrays:
                arrays |= write_letters(folder, f"{number}", texts)
            arrays[f"{name}-rows"] = texts.rows
            numbers.append(number)
        parts[name] = {"left_out": part.left_out, "truncated": part.truncated, "files": numbers}
    header = {
        "preprocessor": data.preprocessor.to_json(),
        "facts": data.facts | {"training_part": digest(data.read_sources())},
        "notes": data.notes,
        "parts": parts,
    }
    write_arrays(folder, header, arrays)


def _load(folder: Path, source: Source, kept: TranslatePreprocessor | None) -> TranslateData:
    from recurra.tasks.translate.data import TranslateData

    header, arrays = load_arrays(folder)
    files: dict[int, PackedTexts] = {}
    parts = {}
    for name, part in header["parts"].items():
        sides, texts = [], list[PackedTexts | list[str]]()
        for side in _SIDES:
            values, starts = (arrays[f"{name}-{side}-{of}"] for of in ("values", "starts"))
            sides.append(Ragged(values, np.asarray(starts)))
        for number in part["files"]:
            whole = files.setdefault(number, load_letters(folder, f"{number}", arrays))
            texts.append(whole.at(np.asarray(arrays[f"{name}-rows"])))
        sources, targets = texts or ([], [])
        read, written = sides
        parts[name] = PairPart(sources, targets, read, written, part["left_out"], part["truncated"])
    facts = header["facts"] | {"name": source.name, "files": hashes(source.files)}
    learned = TranslatePreprocessor.from_json(header["preprocessor"])
    return TranslateData(learned.source, learned.target, parts, facts, header["notes"], learned.bleu)


STORING = Storing(made_by=2, disk=6.0, write=_write, load=_load)
"""Bytes of disk: the text of pairs twice, the ids of words once, of pieces at most four times."""
