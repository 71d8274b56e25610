"""What a generator of frames has learned of its data before training: channels, scales, classes, lengths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from recurra.data.attributes import CLASS, Attributes
from recurra.data.files.checked import Count, Exact, checked
from recurra.data.frames.sequences import Frames
from recurra.errors import DataError
from recurra.tasks.sequences.sound.log_mel import LogMel
from recurra.tasks.stored import MOST, DistinctNames

Floats = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]


class _Stored(Exact):
    channels: DistinctNames
    mean: Annotated[list[float], Field(max_length=MOST)]
    deviation: Annotated[list[Annotated[float, Field(gt=0)]], Field(max_length=MOST)]
    low: Annotated[list[float], Field(max_length=MOST)]
    high: Annotated[list[float], Field(max_length=MOST)]
    longest: Count
    attributes: dict[str, Any]
    sound: dict[str, Any] | None = None


@dataclass(frozen=True)
class GenerateFramesPreprocessor:
    """Frames to what the network reads and back.

    mean, deviation, low, high: of each channel in the training part, the deviation 1 for a constant one; longest:
    frames of its longest sequence; attributes: the classes; sound: what frames of recordings are, None for others
    """

    channels: tuple[str, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    longest: int
    attributes: Attributes
    sound: LogMel | None = None

    @classmethod
    def of(
        cls, train: list[Frames], channels: tuple[str, ...], sound: LogMel | None = None
    ) -> GenerateFramesPreprocessor:
        """Learned from the training part. Errors: DataError for a channel that is always missing"""
        rows = np.concatenate([one.values for one in train]).astype(np.float64)
        known = ~np.isnan(rows)
        if not known.any(0).all():
            name = channels[int(known.any(0).argmin())]
            raise DataError(
                f"the channel {name!r} has no value in the training part",
                remedy="leave it out: --channels names the others",
                file=train[0].file,
            )
        mean, deviation = np.nanmean(rows, 0), np.nanstd(rows, 0)
        deviation[deviation <= 1e-12 * np.maximum(1, np.abs(mean))] = 1.0
        low, high = np.nanmin(rows, 0), np.nanmax(rows, 0)
        scales = _floats(mean), _floats(deviation), _floats(low), _floats(high)
        attributes = Attributes.of((CLASS,), [(one.label,) for one in train])
        return cls(channels, *scales, max(map(len, train)), attributes, sound)

    @property
    def input_width(self) -> int:
        return len(self.channels)

    @property
    def classes(self) -> list[str]:
        return list(self.attributes.values[0])

    def encode(self, values: npt.NDArray[Any]) -> Float32:
        """Scaled, NaN where one is missing. [T, I] -> [T, I]"""
        return ((np.asarray(values, np.float64) - self.mean) / self.deviation).astype(np.float32)

    def decode(self, scaled: npt.NDArray[Any]) -> Floats:
        """As they were before, none beyond those of training. [T, I] -> [T, I]"""
        found: Floats = np.clip(np.asarray(scaled, np.float64) * self.deviation + self.mean, self.low, self.high)
        return found

    def bounds(self) -> tuple[Float32, Float32]:
        """The least and the most that each channel had in training, scaled [I] each."""
        return self.encode(np.array([self.low]))[0], self.encode(np.array([self.high]))[0]

    def to_json(self) -> dict[str, Any]:
        return {
            "channels": list(self.channels),
            "mean": list(self.mean),
            "deviation": list(self.deviation),
            "low": list(self.low),
            "high": list(self.high),
            "longest": self.longest,
            "attributes": self.attributes.to_json(),
            **({} if self.sound is None else {"sound": self.sound.to_json()}),
        }

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> GenerateFramesPreprocessor:
        one = checked(_Stored, found, "preprocessing.json")
        lists = one.mean, one.deviation, one.low, one.high
        sizes = [len(one.channels), *map(len, lists)]
        if len(set(sizes)) > 1 or any(low > high for low, high in zip(one.low, one.high, strict=False)):
            raise DataError(f"preprocessing.json: channels, means, deviations, least and most do not fit: {sizes}")
        sound = None if one.sound is None else LogMel.from_json(one.sound)
        if sound is not None and sound.mels != len(one.channels):
            raise DataError(f"preprocessing.json: {sound.mels} bands of sound, {len(one.channels)} channels")
        attributes = Attributes.from_json(one.attributes)
        if len(attributes.names) != 1 or not one.longest:
            raise DataError(
                f"preprocessing.json: {len(attributes.names)} attributes, sequences of up to {one.longest} frames; "
                "there is one, the class, and a frame at least"
            )
        scales = tuple(one.mean), tuple(one.deviation), tuple(one.low), tuple(one.high)
        return cls(tuple(one.channels), *scales, one.longest, attributes, sound)


def _floats(values: Floats) -> tuple[float, ...]:
    return tuple(map(float, values))
