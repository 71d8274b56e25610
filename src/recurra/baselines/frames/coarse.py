"""Pictures as a few numbers, as models without convolutions look at them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

SIDE = 8
"""Of the coarse picture, at most."""


def coarse(pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Means over areas, 0 to 1. [T, C, H, W] -> [T, C h w] with h and w up to SIDE"""
    for axis in (2, 3):
        length = pictures.shape[axis]
        edges = np.linspace(0, length, min(SIDE, length) + 1).round().astype(np.int64)
        sums = np.add.reduceat(pictures.astype(np.float32), edges[:-1], axis=axis)
        shape = [1] * pictures.ndim
        shape[axis] = len(edges) - 1
        pictures = sums / np.diff(edges).astype(np.float32).reshape(shape)  # type: ignore[assignment]
    return np.ascontiguousarray(pictures.reshape(len(pictures), -1) / np.float32(255), np.float32)
