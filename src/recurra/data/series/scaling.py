"""Values as a network reads them: a transform of their own size, and how large a series is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from recurra.errors import DataError, UsageError

Floats = npt.NDArray[np.float64]
TransformName = Literal["none", "sqrt", "log"]
TRANSFORMS: tuple[TransformName, ...] = get_args(TransformName)


@dataclass(frozen=True)
class Transform:
    """The transform of Box & Cox with lambda 1, 1/2 or 0: "none", "sqrt" or "log".

    floor: values below it are read as it, so that later values outside of the domain stay numbers; 0 for sqrt, half of
    the smallest value of training for log. Units: floor as the values
    """

    name: TransformName = "none"
    floor: float = 0.0

    def forward(self, values: Floats) -> Floats:
        """Values as they are read; NaN stays NaN."""
        if self.name == "none":
            return np.asarray(values, dtype=np.float64)
        lifted = np.maximum(values, self.floor)
        return np.sqrt(lifted) if self.name == "sqrt" else np.log(lifted)

    def inverse(self, values: Floats) -> Floats:
        """Values as they were. Monotone, so that quantiles stay quantiles."""
        if self.name == "none":
            return values
        if self.name == "sqrt":
            return np.asarray(np.square(np.maximum(values, 0.0)))
        return np.exp(np.minimum(values, 700.0))  # float64 ends at exp(709)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"name": self.name, "floor": self.floor}

    @classmethod
    def from_json(cls, found: Any) -> Transform:
        """What `to_json` gave. Errors: DataError for anything else"""
        if not isinstance(found, dict) or found.get("name") not in TRANSFORMS:
            raise DataError(f"expected a transform, got {found!r:.60}")
        return cls(found["name"], float(found["floor"]))


def transform_for(name: TransformName, values: Sequence[Floats]) -> Transform:
    """The transform of this name for values of training. Errors: UsageError where they are outside its domain"""
    lowest = min((float(np.nanmin(one)) for one in values if not np.isnan(one).all()), default=0.0)
    if name == "sqrt" and lowest < 0:
        raise UsageError(f"transform='sqrt' needs values from 0, the lowest is {lowest:g}")
    if name == "log" and lowest <= 0:
        raise UsageError(f"transform='log' needs values above 0, the lowest is {lowest:g}")
    return Transform(name, lowest / 2 if name == "log" else 0.0)


def possible_transforms(values: Sequence[Floats]) -> list[Transform]:
    """Those whose domain the values are in, "none" first."""
    lowest = min((float(np.nanmin(one)) for one in values if not np.isnan(one).all()), default=-1.0)
    found = [Transform()]
    if lowest >= 0:
        found.append(Transform("sqrt"))
    if lowest > 0:
        found.append(Transform("log", lowest / 2))
    return found


def scale_of(values: Floats) -> Floats:
    """How large each column of a series is: its standard deviation, NaN left out. [T, K] -> [K], above 0

    Of a constant column: a hundredth of its value, or 1 if that is 0.
    """
    known = ~np.isnan(values)
    counts = np.maximum(known.sum(0), 1)
    means = np.where(known, values, 0.0).sum(0) / counts
    found = np.sqrt((np.where(known, values - means, 0.0) ** 2).sum(0) / counts)
    level = np.abs(means)
    flat = found <= 1e-9 * np.maximum(level, 1e-300)
    return np.where(flat, np.where(level > 0, level / 100, 1.0), found)


def mean_of(values: Floats) -> Floats:
    """The mean of each column of a series, NaN left out; 0 if no value is known. [T, K] -> [K]"""
    known = ~np.isnan(values)
    return np.asarray(np.where(known, values, 0.0).sum(0) / np.maximum(known.sum(0), 1))


def filled(values: Floats) -> Floats:
    """Missing values as the last known one before them, at the beginning as the first one; 0 if none is. [T, K]"""
    known = ~np.isnan(values)
    if known.all():
        return values
    place = np.where(known, np.arange(len(values))[:, None], -1)
    place = np.maximum.accumulate(place, axis=0)
    first = known.argmax(0)
    place = np.where(place < 0, first, place)
    made = np.take_along_axis(values, place, axis=0)
    return np.where(np.isnan(made), 0.0, made)
