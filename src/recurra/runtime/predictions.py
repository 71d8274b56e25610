"""What models say, and how outputs become probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from recurra.errors import ModelFolderError, UsageError

Floats = npt.NDArray[np.float32]
A = TypeVar("A", bound=npt.NDArray[Any])


@dataclass(frozen=True)
class Prediction:
    """The most probable classes of one input, best first, with their probabilities."""

    name: str
    classes: tuple[tuple[str, float], ...]

    @property
    def label(self) -> str:
        """The most probable class."""
        return self.classes[0][0]


def best_of(name: str, chances: Floats, classes: Sequence[str], top: int) -> Prediction:
    """Errors: UsageError for a top below 1"""
    if top < 1:
        raise UsageError(f"top must be a whole number from 1, got {top}")
    order = np.argsort(-chances, kind="stable")[:top]
    return Prediction(name, tuple((classes[i], float(chances[i])) for i in order))


def numbers(logits: A) -> A:
    """Scores as they are. Errors: ModelFolderError unless each row has a largest number"""
    if not np.isfinite(logits.max(-1)).all():  # of a row with a NaN the largest is one
        raise ModelFolderError(
            "the model's scores are not numbers; its weights are damaged, or too large for this input"
        )
    return logits


def log_softmax(logits: Floats) -> Floats:
    """Of the last axis. Errors: as `numbers`"""
    above = numbers(logits) - logits.max(-1, keepdims=True)
    found: Floats = above - np.log(np.exp(above).sum(-1, keepdims=True))
    return found


def softmax(logits: Floats) -> Floats:
    """Of the last axis. Errors: as `log_softmax`"""
    found: Floats = np.exp(log_softmax(logits))
    return found
