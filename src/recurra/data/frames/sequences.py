"""Sequences of frames with their labels."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from recurra.data.files.examples import Example, Examples
from recurra.data.splits import PARTS, Splits, check_fractions, check_splits, hold_out, many, split
from recurra.errors import DataError

Floats = npt.NDArray[np.float64]
Samples = npt.NDArray[np.float32]
Values = npt.NDArray[np.float64] | npt.NDArray[np.uint8]


@dataclass(frozen=True)
class PictureShape:
    """Of frames that are pictures, or of those that are rows of one.

    channels: 3 for red, green, blue, 1 for grey; rows: a frame is a row [width, channels], else a picture [channels,
    height, width], flat. Units: height and width in pixels
    """

    channels: int
    height: int
    width: int
    rows: bool

    @property
    def frame_size(self) -> int:
        """Numbers of a frame."""
        return self.channels * self.width * (1 if self.rows else self.height)

    @property
    def colours(self) -> tuple[str, ...]:
        return ("grey",) if self.channels == 1 else ("red", "green", "blue")

    def pictures(self, values: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Frames as pictures: [T, I] -> [T, C, H, W], of rows [1, C, H, W]"""
        if self.rows:
            return values.reshape(1, -1, self.width, self.channels).transpose(0, 3, 1, 2)
        return values.reshape(-1, self.channels, self.height, self.width)


@dataclass(frozen=True)
class Frames:
    """One sequence.

    values: [T, I], NaN where one is missing, bytes if they are of pictures; labels: one, one a frame, or none; group:
    what must not be divided, "" if nothing was said; line: of its first frame in the file, 0 if that is unknown;
    samples: of the sound that the frames were made of [N], None where there is none
    """

    name: str
    values: Values
    labels: tuple[str, ...]
    group: str = ""
    part: str = ""
    file: Path = Path()
    line: int = 0
    samples: Samples | None = None
    origin: Frames | None = None
    """The sequence that it is a block of, from frame `start` on."""
    start: int = 0

    def __len__(self) -> int:
        return len(self.values)

    @property
    def label(self) -> str:
        """Its label, or the first frame's."""
        return self.labels[0] if self.labels else ""


@dataclass(frozen=True)
class Recordings:
    """Sequences of the same channels.

    notes: what was found and done while reading, for people; picture: what frames are if they are of pictures, whose
    channels are colours then
    """

    sequences: list[Frames]
    channels: tuple[str, ...]
    notes: list[str] = field(default_factory=list)
    picture: PictureShape | None = None

    def __len__(self) -> int:
        return len(self.sequences)

    @property
    def per_frame(self) -> bool:
        """Whether the labels are those of frames: some sequence has more than one."""
        return any(len(set(one.labels)) > 1 for one in self.sequences)

    def classes(self) -> list[str]:
        """The different labels, sorted: numbers by size."""
        found = {label for one in self.sequences for label in one.labels}
        try:
            return sorted(found, key=lambda label: (float(label), label))
        except ValueError:
            return sorted(found)


def joined(parts: Sequence[Recordings]) -> Recordings:
    """Several as one. Errors: DataError if their channels differ"""
    first = parts[0]
    for other in parts[1:]:
        if other.channels != first.channels:
            raise DataError(
                f"the files have different channels: {', '.join(first.channels)[:200]} in "
                f"{first.sequences[0].file.name}, {', '.join(other.channels)[:200]} here",
                remedy="name those that all have with --channels",
                file=other.sequences[0].file,
            )
        if other.picture != first.picture:
            raise DataError(
                f"pictures of {size_of(other.picture)} here, of {size_of(first.picture)} in "
                f"{first.sequences[0].file.name}",
                remedy="bring them to one size: --image-height, --image-width, --colour",
                file=other.sequences[0].file,
            )
    notes = list(dict.fromkeys(note for part in parts for note in part.notes))
    return Recordings([one for part in parts for one in part.sequences], first.channels, notes, first.picture)


def size_of(shape: PictureShape | None) -> str:
    """For people."""
    return "no pictures" if shape is None else f"{shape.width} x {shape.height} pixels, {' '.join(shape.colours)}"


def cut(sequences: Sequence[Frames], most: int) -> list[Frames]:
    """Each in blocks of nearly the same length, no more than `most` frames, labels a frame with them."""
    blocks = []
    for one in sequences:
        edges = np.linspace(0, len(one), -(-len(one) // most) + 1).round().astype(int).tolist()
        for start, stop in pairwise(edges):
            labels = one.labels[start:stop] if len(one.labels) > 1 else one.labels
            name = f"{one.name}, frames {start + 1} to {stop}"
            line = one.line + start if one.line else 0
            blocks.append(
                Frames(name, one.values[start:stop], labels, file=one.file, line=line, origin=one, start=start)
            )
    return blocks


def divide(
    recordings: Recordings, fractions: Sequence[float], *, seed: int, per_frame: bool
) -> dict[str, list[Frames]]:
    """Sequences at random into train, validation and test: a group, or sequences of the same values, into one part.

    Stratified by label where a sequence has one. Errors: UsageError for fractions that cannot be; DataError if there
    are fewer groups than parts that have a share
    """
    items, by_origin = _examples(recordings.sequences, per_frame)
    groups = {item.text for item in items}
    wanted = sum(share > 0 for share in fractions)
    if len(groups) < wanted:
        what = "group" if any(one.group for one in recordings.sequences) else "sequence"
        raise DataError(
            f"{len(groups)} {what}{'' if len(groups) == 1 else 's'} cannot be divided into {wanted} parts, and frames "
            f"of one {what} do not go into two",
            remedy=f"give {wanted} or more, fewer parts, as in --split 50/50/0, or files: --validation FILE",
            file=recordings.sequences[0].file,
        )
    divided = split(Examples(items), fractions, seed=seed)
    if not per_frame:
        check_splits(divided)
    return _taken(divided, by_origin)


def parts_of(
    found: Mapping[str, Recordings], fractions: Sequence[float], *, seed: int, per_frame: bool
) -> tuple[dict[str, list[Frames]], list[str]]:
    """The sequences of each part, and notes for people. found: by part, or all under "all", which are divided.

    Of parts without validation, `hold_out` says how much of the training part becomes it.
    Errors: as `divide`; DataError if there is nothing to train on or to validate with
    """
    parts: dict[str, list[Frames]] = {name: [] for name in PARTS}
    notes: list[str] = []
    if "all" in found:
        parts |= divide(found["all"], check_fractions(fractions), seed=seed, per_frame=per_frame)
    else:
        parts |= {name: list(some.sequences) for name, some in found.items()}
        if not parts["validation"]:
            held = hold_out(fractions)
            divided = divide(Recordings(parts["train"], ()), held.fractions, seed=seed, per_frame=per_frame)
            parts |= {name: divided[name] for name in ("train", "validation")}
            notes.append(held.note)
    for name in ("train", "validation"):
        if not parts[name]:
            count = sum(map(len, parts.values()))
            raise DataError(
                f"the {name} part is empty: there {'is' if count == 1 else 'are'} {many(count, 'sequence')}, and those "
                "of one group or of the same values go into one part",
                remedy="give more sequences, or another --split, as in --split 60/20/20",
                file=next((one.file for some in found.values() for one in some.sequences), None),
            )
    return parts, notes


def missing_values(sequences: Sequence[Frames]) -> int:
    """How many numbers are not there."""
    return sum(int(np.isnan(one.values).sum()) for one in sequences if one.values.dtype != np.uint8)


def _examples(
    sequences: Sequence[Frames], per_frame: bool
) -> tuple[list[Example], dict[tuple[Path, int, str], Frames]]:
    """What stands for each sequence where texts are divided; and back."""
    first: dict[str, str] = {}
    items, by_origin = [], {}
    for number, one in enumerate(sequences):
        digest = hashlib.sha256(np.ascontiguousarray(one.values).tobytes()).hexdigest()
        group = one.group or first.setdefault(digest, f"sequence {one.name} ({number + 1})")
        items.append(Example(group, "" if per_frame else one.label, one.file, number))
        by_origin[one.file, number, group] = one
    return items, by_origin


def _taken(divided: Splits, by_origin: Mapping[tuple[Path, int, str], Frames]) -> dict[str, list[Frames]]:
    return {
        name: [by_origin[item.file, item.line, item.text] for item in getattr(divided, name).items] for name in PARTS
    }


def with_part(sequences: Sequence[Frames], part: str) -> list[Frames]:
    """The same, said to be of a part."""
    return [replace(one, part=part) for one in sequences]
