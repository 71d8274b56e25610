"""Sequences as a few statistics of each channel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def summary(sequences: Sequence[npt.NDArray[np.floating]]) -> Floats:
    """Mean, deviation, minimum, maximum and slope over a sequence of each channel. N x [T, I] -> [N, 5 I]"""
    return np.stack([_of(np.asarray(one, np.float64)) for one in sequences])


def _of(one: Floats) -> Floats:
    time = np.arange(len(one)) - (len(one) - 1) / 2
    slope = time @ one / max((time**2).sum(), 1.0)
    return np.concatenate([one.mean(0), one.std(0), one.min(0), one.max(0), slope])
