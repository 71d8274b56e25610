"""Pictures as a few numbers."""

from __future__ import annotations

import numpy as np

from recurra.baselines.frames.coarse import SIDE, coarse


def test_areas_are_averaged_and_small_pictures_stay() -> None:
    small = np.arange(12, dtype=np.uint8).reshape(1, 1, 3, 4)
    np.testing.assert_allclose(coarse(small), small.reshape(1, 12) / 255)
    large = np.zeros((2, 3, 2 * SIDE, SIDE + 1), np.uint8)
    large[1, 2, :2] = 51
    found = coarse(large).reshape(2, 3, SIDE, SIDE)
    np.testing.assert_allclose(found[1, 2, 0], 0.2, rtol=1e-6)
    assert np.count_nonzero(found) == SIDE
