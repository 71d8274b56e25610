"""What columns of numbers are scaled by; numpy alone, for models are used without more."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]


def column_scales(rows: Numbers) -> tuple[Numbers, Numbers]:
    """Mean and deviation of what is known of each column; 0 and 1 where nothing is, 1 for a constant one.

    Shapes: [T, D] -> [D], [D]
    """
    known = ~np.isnan(rows)
    count = np.maximum(known.sum(0), 1)
    mean = np.where(known, rows, 0).sum(0) / count
    deviation = np.sqrt(np.where(known, (rows - mean) ** 2, 0).sum(0) / count)
    deviation[deviation <= 1e-12 * np.maximum(1, np.abs(mean))] = 1.0
    return mean, deviation
