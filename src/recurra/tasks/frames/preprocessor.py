"""What a model of frames has learned of its data before training: channels, scales, classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from recurra.data.files.checked import Exact, checked
from recurra.data.frames.scales import column_scales, standardised
from recurra.data.frames.sequences import Frames, PictureShape, Values, size_of
from recurra.errors import DataError, UsageError
from recurra.tasks.outgoing import Scaling as FrameScaling
from recurra.tasks.sequences.sound.log_mel import LogMel
from recurra.tasks.stored import MOST, DistinctNames

Floats = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]
Encoded = npt.NDArray[np.float32] | npt.NDArray[np.uint8]
"""Frames as the network reads them: bytes where they are pictures."""
Scaling = Literal["training", "sequence", "mean"]
Scale = Annotated[float, Field(gt=0)]


class _StoredPicture(Exact):
    channels: Literal[1, 3]
    height: Annotated[int, Field(ge=1, le=MOST)]
    width: Annotated[int, Field(ge=1, le=MOST)]
    rows: bool


class _Stored(Exact):
    channels: DistinctNames
    mean: Annotated[list[float], Field(max_length=MOST)]
    deviation: Annotated[list[Scale], Field(max_length=MOST)]
    gaps: bool
    per_frame: bool
    classes: DistinctNames
    scale: Scaling
    sound: dict[str, Any] | None = None
    picture: _StoredPicture | None = None
    root: bool = False


@dataclass(frozen=True)
class FramesPreprocessor:
    """Frames to what the network reads, labels to indices.

    mean, deviation: of each channel in the training part, 1 for a constant one; gaps: whether values were missing
    there, so that each channel has another beside it that says where; per_frame: whether each frame has a label; scale:
    whether each sequence is scaled by its own mean and deviation instead, as where users or sensors differ, or by its
    own mean and the deviation from it in the training part, as where speakers or microphones do; sound: what
    frames of recordings are, None for others; picture: what frames of pictures are, whose channels are colours with a
    mean and a deviation each; root: whether the square root of values is taken first, signs kept
    """

    channels: tuple[str, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    gaps: bool
    per_frame: bool
    classes: list[str]
    scale: Scaling = "training"
    sound: LogMel | None = None
    picture: PictureShape | None = None
    root: bool = False

    @classmethod
    def of(
        cls,
        train: list[Frames],
        channels: tuple[str, ...],
        classes: list[str],
        *,
        per_frame: bool,
        scale: Scaling = "training",
        sound: LogMel | None = None,
        picture: PictureShape | None = None,
        root: bool = False,
    ) -> FramesPreprocessor:
        """Learned from the training part."""
        if picture is not None:
            scales = _of_colours(train, picture)
            return cls(channels, *scales, False, per_frame, classes, scale, picture=picture)
        rows = np.concatenate([one.values for one in train])
        rows = rooted(rows) if root else rows
        mean, deviation = column_scales(rows)
        if scale == "mean":
            numbers = [np.asarray(one.values, np.float64) for one in train]
            each = [rooted(values) if root else values for values in numbers]
            deviation = column_scales(np.concatenate([values - column_scales(values)[0] for values in each]))[1]
        gaps = bool(np.isnan(rows).any())
        scales = tuple(map(float, mean)), tuple(map(float, deviation))
        return cls(channels, *scales, gaps, per_frame, classes, scale, sound, root=root)

    @property
    def input_width(self) -> int:
        if self.picture is not None:
            return self.picture.frame_size
        return len(self.channels) * (2 if self.gaps else 1)

    def encode(self, values: Values) -> Encoded:
        """A missing value is the mean; with gaps, 1 stands beside it, 0 beside the others. [T, I] -> [T, I or 2 I]

        Pictures stay bytes, which the network scales; rows of pictures are scaled by the mean of their colour.
        Errors: UsageError for a value that is too far from those of training to be one of float32
        """
        if self.picture is not None and not self.picture.rows:
            return np.asarray(values, np.uint8)
        if self.picture is not None:
            means, deviations = (np.tile(each, self.picture.width) for each in (self.mean, self.deviation))
            rows: Float32 = ((values - means) / deviations).astype(np.float32)
            return rows
        numbers = rooted(np.asarray(values, np.float64)) if self.root else np.asarray(values, np.float64)
        mean, deviation = np.array(self.mean), np.array(self.deviation)
        if self.scale != "training":
            own, spread = column_scales(numbers)
            mean, deviation = own, deviation if self.scale == "mean" else spread
        scaled = standardised(numbers, mean, deviation, self.channels)
        return np.concatenate([scaled, np.isnan(numbers)], 1, dtype=np.float32) if self.gaps else scaled

    def scaling(self) -> FrameScaling:
        """How one frame of numbers is scaled. Errors: UsageError where that depends on all frames of a sequence"""
        if self.scale != "training":
            raise UsageError(
                f"this model scales a sequence by what all its frames are (--scale {self.scale}), so it cannot stream"
                "\nits nearest target is --to onnx; or train it with --scale training"
            )
        mean, deviation = np.array(self.mean), np.array(self.deviation)
        if self.picture is not None:  # rows of pictures
            mean, deviation = (np.tile(each, self.picture.width) for each in (mean, deviation))
        return FrameScaling(mean, deviation, self.gaps, self.root)

    def frame_notes(self) -> list[str]:
        """What whoever makes frames has to know."""
        return [] if self.sound is None else ["a frame is the log-mel bands of a piece of sound, made by the caller"]

    def to_json(self) -> dict[str, Any]:
        return {
            "channels": list(self.channels),
            "mean": list(self.mean),
            "deviation": list(self.deviation),
            "gaps": self.gaps,
            "per_frame": self.per_frame,
            "classes": self.classes,
            "scale": self.scale,
            **({} if self.sound is None else {"sound": self.sound.to_json()}),
            **({"root": True} if self.root else {}),
            **({} if self.picture is None else {"picture": vars(self.picture)}),
        }

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> FramesPreprocessor:
        one = checked(_Stored, found, "preprocessing.json")
        if not len(one.channels) == len(one.mean) == len(one.deviation):
            raise DataError(
                f"preprocessing.json: {len(one.channels)} channels, {len(one.mean)} means, {len(one.deviation)} "
                "deviations"
            )
        picture = None if one.picture is None else PictureShape(**one.picture.model_dump())
        if picture is not None and (tuple(one.channels) != picture.colours or picture.frame_size > MOST):
            raise DataError(f"preprocessing.json: pictures of {size_of(picture)}, channels {', '.join(one.channels)}")
        scales = tuple(one.mean), tuple(one.deviation)
        sound = None if one.sound is None else LogMel.from_json(one.sound)
        if sound is not None and sound.mels != len(one.channels):
            raise DataError(f"preprocessing.json: {sound.mels} bands of sound, {len(one.channels)} channels")
        return cls(
            tuple(one.channels), *scales, one.gaps, one.per_frame, one.classes, one.scale, sound, picture, one.root
        )


def _of_colours(train: list[Frames], picture: PictureShape) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation of each colour, 1 for a constant one."""
    count, sums, squares = 0, np.zeros(picture.channels), np.zeros(picture.channels)
    for one in train:
        pixels = picture.pictures(np.asarray(one.values, np.uint8)).astype(np.float64)
        count += pixels[:, 0].size
        sums += pixels.sum((0, 2, 3))
        squares += (pixels**2).sum((0, 2, 3))
    mean = sums / count
    deviation = np.sqrt(np.maximum(squares / count - mean**2, 0))
    deviation[deviation <= 1e-6] = 1.0
    return tuple(map(float, mean)), tuple(map(float, deviation))


def rooted(values: Floats) -> Floats:
    """Square roots that keep the signs."""
    found: Floats = np.copysign(np.sqrt(np.abs(values)), values)
    return found
