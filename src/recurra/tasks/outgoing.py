"""What an export asks of a task: held-out inputs as its network takes them, and how frames are scaled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

COUNT, LONGEST = 200, 200
"""Sequences at most, and steps of one."""

Ids = npt.NDArray[np.int64]
Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Asked:
    """A sequence that a network is asked about, as the exported one is given it.

    Shapes: inputs int64 [T], or frames [T, I], before they are scaled; values int64 [A], a condition's
    """

    inputs: Ids | Float32
    values: Ids | None = None


@dataclass(frozen=True)
class Scaling:
    """What is done to a frame before it is read: (x - mean) / deviation, of signed roots if so.

    gaps: a missing value (NaN) is 0, and beside each value stands whether it was missing; without, it is 0 alone
    Shapes: mean, deviation [I]
    """

    mean: npt.NDArray[np.float64]
    deviation: npt.NDArray[np.float64]
    gaps: bool = False
    root: bool = False


@runtime_checkable
class AskingAgain(Protocol):
    """A task whose network reads one sequence, step by step."""

    def asked(self, part: Any) -> list[Asked]:
        """The first inputs of a part, COUNT at most, none longer than LONGEST."""


@runtime_checkable
class ScalingFrames(Protocol):
    """A preprocessor of frames."""

    classes: list[str]

    def scaling(self) -> Scaling:
        """How one frame is scaled. Errors: UsageError where that depends on the others"""

    def frame_notes(self) -> list[str]:
        """What whoever makes frames has to know."""

    def encode(self, values: Any) -> Any:
        """Frames as the network reads them. [T, I] -> [T, I] or wider"""


def shortened(sequences: Sequence[Ids]) -> list[Asked]:
    """Sequences of ids as they are."""
    return [Asked(np.asarray(ids, np.int64)[:LONGEST]) for ids in sequences[:COUNT]]
