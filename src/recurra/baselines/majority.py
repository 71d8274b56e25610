"""The answer that needs no input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recurra.baselines.labels import check_labels


@dataclass(frozen=True)
class Majority:
    """Predicts `label`, the class that most training examples have; of equally frequent ones, the first."""

    label: int

    @classmethod
    def fit(cls, labels: ArrayLike, classes: Sequence[str]) -> Majority:
        """Count the classes. labels, whole numbers [N], N >= 1, below len(classes); ShapeError if not so."""
        return cls(int(np.bincount(check_labels(labels, len(classes))).argmax()))

    def predict(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """The same class for each text. N texts -> int64 [N]."""
        return np.full(len(texts), self.label, dtype=np.int64)
