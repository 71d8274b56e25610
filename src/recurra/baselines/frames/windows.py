"""Frames with those around them, as people label them without a state."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def windows(sequences: Sequence[npt.NDArray[np.floating]], around: int) -> Floats:
    """Each frame beside so many on either side, the ends repeated. N x [T, I] -> [sum of T, (2 around + 1) I]"""
    found = []
    for one in sequences:
        padded = np.concatenate([one[:1].repeat(around, 0), one, one[-1:].repeat(around, 0)])
        indices = np.arange(len(one))[:, None] + np.arange(2 * around + 1)
        found.append(padded[indices].reshape(len(one), -1))
    return np.concatenate(found).astype(np.float64)
