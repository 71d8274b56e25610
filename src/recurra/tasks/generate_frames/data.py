"""Labelled sequences of numbers, read, divided and encoded as a generator takes them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.data.frames.sequences import Frames, Recordings, joined, missing_values, parts_of
from recurra.errors import DataError, listed, quoted
from recurra.tasks.checked_rows import CheckedRows
from recurra.tasks.cutting import Indices, picked
from recurra.tasks.generate_frames.preprocessor import Float32, GenerateFramesPreprocessor
from recurra.tasks.sequences.reading import read_files
from recurra.tasks.sequences.refusals import check_channels, refuse_other_kinds
from recurra.tasks.sequences.settings import SequenceSettings
from recurra.tasks.sequences.sound.log_mel import LogMel
from recurra.tasks.sequences.sound.reading import read_sounds
from recurra.tasks.sources.source import Source, hashes, in_memory

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Part:
    """Sequences of one part. encoded: [T, I] each, scaled, NaN where one is missing; labels: classes' places [N]"""

    sequences: list[Frames]
    encoded: list[Float32]
    labels: Int64

    def checked_rows(self, most: int) -> CheckedRows:
        """Conditions are given, not predicted."""
        return CheckedRows(self.encoded[:most])

    def __len__(self) -> int:
        return len(self.sequences)

    def at(self, indices: Indices) -> Part:
        """The sequences at some indices."""
        return replace(
            self,
            sequences=picked(self.sequences, indices),
            encoded=picked(self.encoded, indices),
            labels=self.labels[indices],
        )

    @property
    def numbers(self) -> int:
        """Of all frames."""
        return sum(one.size for one in self.encoded)


@dataclass(frozen=True)
class GenerateFramesData:
    """All of a run's data."""

    parts: dict[str, Part]
    preprocessor: GenerateFramesPreprocessor
    facts: dict[str, Any]
    notes: list[str]


@in_memory
def read(
    source: Source, settings: SequenceSettings, kept: LogMel | None = None
) -> tuple[dict[str, Recordings], LogMel | None]:
    """By part, or all under "all", and what frames of sound are. Errors: DataError, UsageError"""
    sound = source.kind == "sounds"
    refuse_other_kinds(dict(settings), dict(SequenceSettings()), sound=sound)
    if sound:
        return read_sounds(source, settings, kept)
    return read_files(source, settings), None


def prepare(
    source: Source, settings: SequenceSettings, *, seed: int, kept: GenerateFramesPreprocessor | None
) -> GenerateFramesData:
    """Read, divide, learn scales and classes from the training part, encode. kept: used instead of these

    Errors: DataError with file and line
    """
    found, sound = read(source, settings, None if kept is None else kept.sound)
    whole = joined(list(found.values()))
    _refuse_frame_labels(whole)
    parts, more = parts_of(found, settings.split, seed=seed, per_frame=False)
    notes = [*whole.notes, *more]
    made = kept or GenerateFramesPreprocessor.of(parts["train"], whole.channels, sound)
    encoded = {name: encode_part(replace(whole, sequences=some), made) for name, some in parts.items()}
    lengths = [len(one) for one in whole.sequences]
    missing = missing_values(whole.sequences)
    notes.append(
        f"{len(whole):,} sequences of {min(lengths):,} to {max(lengths):,} frames, {len(made.channels)} channels, "
        f"{len(made.classes)} classes" + (f"; {missing:,} values are missing: nothing is learned there" * bool(missing))
    )
    facts = {
        "name": source.name,
        "files": hashes(source.files),
        "unit": "sequences",
        "counts": {name: len(part) for name, part in encoded.items()},
        "frames": sum(lengths),
        "channels": len(made.channels),
    }
    return GenerateFramesData(encoded, made, facts, notes)


def whole(source: Source, settings: SequenceSettings, made: GenerateFramesPreprocessor) -> Part:
    """All of a source as one part. Errors: DataError"""
    if made.sound is not None:
        nothing = dict.fromkeys(("group", "split_column", "test_where", "validation_where"))
        settings = settings.model_copy(update=nothing)
    found, _ = read(source, settings, made.sound)
    every = joined(list(found.values()))
    _refuse_frame_labels(every)
    return encode_part(every, made)


def encode_part(recordings: Recordings, made: GenerateFramesPreprocessor) -> Part:
    """With what a run has learned. Errors: DataError for other channels, and for a class that it does not know"""
    sequences = recordings.sequences
    check_channels(recordings, made.channels)
    indices = {label: place for place, label in enumerate(made.classes)}
    counts = Counter(one.label for one in sequences)
    for one in sequences:
        if one.label not in indices:
            raise DataError(
                f"the class {quoted(one.label, 40)} of {counts[one.label]:,} sequences is not in the training part; "
                f"there are {listed(made.classes, 8)}",
                remedy="add training data of it, or leave it out",
                file=one.file,
                line=one.line or None,
            )
    labels = np.array([indices[one.label] for one in sequences], np.int64)
    return Part(sequences, [made.encode(one.values) for one in sequences], labels)


def _refuse_frame_labels(whole: Recordings) -> None:
    if whole.per_frame:
        one = next(one for one in whole.sequences if len(set(one.labels)) > 1)
        raise DataError(
            f"the sequence {quoted(one.name)} has {len(set(one.labels))} labels; what is generated is of one class",
            remedy="name sequences with --id COLUMN",
            file=one.file,
            line=one.line or None,
        )
