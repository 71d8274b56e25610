"""Frames read, divided and encoded."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.data.frames.sequences import (
    Frames,
    PictureShape,
    Recordings,
    cut,
    joined,
    missing_values,
    parts_of,
    size_of,
)
from recurra.data.splits import many
from recurra.errors import DataError, UsageError, listed, quoted
from recurra.tasks.checked_rows import CheckedRows
from recurra.tasks.cutting import Indices, picked
from recurra.tasks.frames.clips import LAYOUTS, as_learned, read_source, refuse_without_effect
from recurra.tasks.frames.preprocessor import Encoded, FramesPreprocessor
from recurra.tasks.frames.settings import FramesDataSettings
from recurra.tasks.sequences.reading import by_column, read_files
from recurra.tasks.sequences.refusals import check_channels
from recurra.tasks.sequences.sound.log_mel import LogMel
from recurra.tasks.sequences.sound.reading import KINDS as SOUNDS
from recurra.tasks.sequences.sound.reading import Events, read_sounds
from recurra.tasks.sources.source import Source, hashes, in_memory

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Part:
    """Sequences of one part. encoded: [T, W] each; labels: indices of classes, one each or one a frame [T]"""

    sequences: list[Frames]
    encoded: list[Encoded]
    labels: list[Int64]

    def checked_rows(self, most: int) -> CheckedRows:
        labels, alone = self.labels[:most], all(len(row) == 1 for row in self.labels[:most])
        return CheckedRows(
            self.encoded[:most],
            labels=np.concatenate(labels).astype(np.int64) if labels and alone else None,
            inputs=self.sequences[:most],
        )

    def __len__(self) -> int:
        return len(self.sequences)

    def at(self, indices: Indices) -> Part:
        """The sequences at some indices."""
        return replace(
            self,
            sequences=picked(self.sequences, indices),
            encoded=picked(self.encoded, indices),
            labels=picked(self.labels, indices),
        )

    @property
    def targets(self) -> Int64:
        """All labels in a row: [N] of sequences or of frames."""
        return np.concatenate(self.labels) if self.labels else np.zeros(0, np.int64)


@dataclass(frozen=True)
class FramesData:
    """All of a run's data."""

    parts: dict[str, Part]
    preprocessor: FramesPreprocessor
    facts: dict[str, Any]
    notes: list[str]


@in_memory
def read(source: Source, settings: FramesDataSettings) -> dict[str, Recordings]:
    """By part, or all of a source under "all". Errors: DataError"""
    refuse_without_effect(source.kind, settings)
    if source.kind in LAYOUTS:
        found_parts = read_source(source.files, source.kind, settings)
        if "all" not in found_parts or settings.split_column is None:
            return found_parts
        return by_column(found_parts["all"], settings.split_column, source)
    return read_files(source, settings)


def read_any(
    source: Source, settings: FramesDataSettings, kept: LogMel | None
) -> tuple[dict[str, Recordings], LogMel | None]:
    """As `read`, of recordings of sound too, with what their frames are. Errors: DataError, UsageError"""
    if source.kind not in SOUNDS:
        return read(source, settings), None
    events = Events(settings.start, settings.end, settings.background)
    return read_sounds(source, settings, kept, events=events)


def prepare(source: Source, settings: FramesDataSettings, *, seed: int, kept: FramesPreprocessor | None) -> FramesData:
    """Read, divide, learn scales from the training part, encode. kept: used instead of what would be learned

    Errors: DataError with file and line
    """
    found, sound = read_any(source, settings, None if kept is None else kept.sound)
    whole = joined(list(found.values()))
    per_frame = whole.per_frame if kept is None else kept.per_frame
    notes = list(whole.notes)
    if settings.block_frames is not None:
        notes.append(cut_up(found, settings, per_frame=per_frame))
    parts, more = parts_of(found, settings.split, seed=seed, per_frame=per_frame)
    notes += more
    classes = Recordings(parts["train"], whole.channels).classes() if kept is None else kept.classes
    if len(classes) < 2:
        raise DataError(
            f"only one class, {classes[0]!r:.60}, in {len(parts['train']):,} training sequences",
            remedy="a classifier needs two classes or more",
            file=parts["train"][0].file,
        )
    made = kept or FramesPreprocessor.of(
        parts["train"],
        whole.channels,
        classes,
        per_frame=per_frame,
        scale=settings.scale,
        sound=sound,
        picture=whole.picture,
        root=settings.root,
    )
    encoded = {name: encode_part(replace(whole, sequences=some), made) for name, some in parts.items()}
    lengths = [len(one) for one in whole.sequences]
    notes.append(_note(whole, made, lengths))
    facts = {
        "name": source.name,
        "files": hashes(source.files),
        "unit": "sequences",
        "counts": {name: len(part) for name, part in encoded.items()},
        "frames": sum(lengths),
        "channels": len(made.channels),
        "labels": "each frame" if per_frame else "each sequence",
    }
    return FramesData(encoded, made, facts, notes)


def cut_up(found: dict[str, Recordings], settings: FramesDataSettings, *, per_frame: bool) -> str:
    """Blocks in place of recordings that are about to be divided; what that means, for people. Errors: UsageError"""
    most = settings.block_frames
    assert most is not None
    if not per_frame:
        raise UsageError("block_frames cuts recordings with a label a frame; here each has one label")
    if settings.group is not None:
        raise UsageError("group keeps recordings whole, block_frames cuts them; give one of them")
    part = "all" if "all" in found else "train"
    if part == "train" and "validation" in found:
        raise UsageError("block_frames cuts what is divided; here each part has its own file")
    before = len(found[part])
    found[part] = replace(found[part], sequences=cut(found[part].sequences, most))
    touched = "the validation part" if part == "train" or not settings.split[2] else "validation and test"
    alone = "; a frame stands alone, without those around it" if most == 1 else ""
    return (
        f"{before:,} recordings are cut into {len(found[part]):,} blocks of up to {most:,} frames before they are "
        f"divided{alone}: frames beside a cut are alike, so that scores on {touched} are too good for new recordings"
    )


def encoded_each(sequences: list[Frames], made: FramesPreprocessor) -> list[Encoded]:
    """As the network reads them; blocks of a recording as parts of it."""
    wholes: dict[int, Encoded] = {}
    found: list[Encoded] = []
    for one in sequences:
        if one.origin is None:
            found.append(made.encode(one.values))
            continue
        if id(one.origin) not in wholes:
            wholes[id(one.origin)] = made.encode(one.origin.values)
        found.append(wholes[id(one.origin)][one.start : one.start + len(one)])
    return found


def _note(whole: Recordings, made: FramesPreprocessor, lengths: list[int]) -> str:
    low, high = min(lengths), max(lengths)
    size = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    of = "each frame has a label" if made.per_frame else "each sequence has a label"
    missing = missing_values(whole.sequences)
    gaps = (
        ""
        if not missing
        else f"; {missing:,} values are missing"
        + (": a channel beside each says where" if made.gaps else ", none of the training part: the mean stands there")
    )
    wide = many(len(made.channels), "channel") if made.picture is None else f"{made.picture.frame_size:,} numbers each"
    return f"{len(whole):,} sequences of {size} frames, {wide}; {of}{gaps}"


def encode_part(recordings: Recordings, made: FramesPreprocessor) -> Part:
    """With what a run has learned. Errors: DataError for other channels, and for a label it does not know"""
    check_shape(recordings, made)
    if not made.per_frame and recordings.per_frame:
        one = next(one for one in recordings.sequences if len(set(one.labels)) > 1)
        raise DataError(
            f"the sequence {quoted(one.name)} has {len(set(one.labels))} labels; the model gives one to each sequence",
            remedy="name sequences with --id COLUMN",
            file=one.file,
            line=one.line,
        )
    indices = {label: place for place, label in enumerate(made.classes)}
    labels = []
    for one in recordings.sequences:
        unknown = next((label for label in one.labels if label not in indices), None)
        if unknown is not None:
            raise DataError(
                f"the label {quoted(unknown, 40)} stands {Counter(one.labels)[unknown]:,} times in the sequence "
                f"{quoted(one.name, 40)}, never in training; there are {listed(made.classes, 8)}",
                remedy="add training data of it, or leave it out",
                file=one.file,
                line=one.line + one.labels.index(unknown) if one.line else None,
            )
        own = one.labels if made.per_frame else one.labels[:1]
        own = own * len(one) if made.per_frame and len(own) == 1 else own
        labels.append(np.array([indices[label] for label in own], np.int64))
    return Part(recordings.sequences, encoded_each(recordings.sequences, made), labels)


def check_shape(recordings: Recordings, made: FramesPreprocessor) -> None:
    """Errors: DataError for other channels, or other pictures, than those of training"""
    check_channels(recordings, made.channels)
    if recordings.sequences and recordings.picture != made.picture:
        raise DataError(
            f"the model reads {described(made.picture)}, here are {described(recordings.picture)}",
            remedy="a folder of pictures by label holds single pictures, one of folders of frames by label holds clips",
            file=recordings.sequences[0].file,
        )


def described(shape: PictureShape | None) -> str:
    """What frames are, for people."""
    if shape is None:
        return "frames that are no pictures"
    return f"{'rows of pictures' if shape.rows else 'clips'} of {size_of(shape)}"


def whole(source: Source, settings: FramesDataSettings, made: FramesPreprocessor) -> Part:
    """All of a source as one part. Errors: DataError"""
    found, _ = read_any(source, of_model(settings, made), made.sound)
    return encode_part(joined(list(found.values())), made)


def of_model(settings: FramesDataSettings, made: FramesPreprocessor) -> FramesDataSettings:
    """How a model reads new tables: its own channels, unless others are named; pictures as it has learned them."""
    if made.sound is not None:
        nothing = dict.fromkeys(("group", "split_column", "test_where", "validation_where"))
        return settings.model_copy(update=nothing)
    if made.picture is not None:
        return as_learned(settings, made.picture)
    known = not all(name.startswith(("dimension ", "feature ")) or name == "value" for name in made.channels)
    return settings.model_copy(update={"channels": made.channels}) if known and not settings.channels else settings
