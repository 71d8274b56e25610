"""Clips as they might have been filmed too: moved a little, all frames alike."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from recurra.data.frames.sequences import PictureShape


def moved(
    values: npt.NDArray[np.uint8], shape: PictureShape, most: float, rng: np.random.Generator
) -> npt.NDArray[np.uint8]:
    """All frames by the same random step, up to a share of their sides; their edges are repeated. [T, C H W]"""
    frames = shape.pictures(values)
    for axis, side in ((2, shape.height), (3, shape.width)):
        reach = int(most * side)
        step = int(rng.integers(-reach, reach + 1))
        frames = frames.take(np.clip(np.arange(side) + step, 0, side - 1), axis)
    return frames.reshape(len(values), -1)
