"""What columns of numbers are scaled by; numpy alone, for models are used without more."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from recurra.errors import UsageError

Numbers = npt.NDArray[np.float64]


def column_scales(rows: Numbers) -> tuple[Numbers, Numbers]:
    """Mean and deviation of what is known of each column; 0 and 1 where nothing is, 1 for a constant one.

    Shapes: [T, D] -> [D], [D]
    """
    known = ~np.isnan(rows)
    count = np.maximum(known.sum(0), 1)
    with np.errstate(over="ignore", invalid="ignore"):  # `standardised` refuses what is no number
        mean = np.where(known, rows, 0).sum(0) / count
        deviation = np.sqrt(np.where(known, (rows - mean) ** 2, 0).sum(0) / count)
    deviation[deviation <= 1e-12 * np.maximum(1, np.abs(mean))] = 1.0
    return mean, deviation


def standardised(rows: Numbers, mean: Numbers, deviation: Numbers, names: Sequence[str]) -> npt.NDArray[np.float32]:
    """How many deviations from the mean each value is, 0 where one is missing. names: of the columns

    Shapes: rows [T, D], mean, deviation [D] -> [T, D]
    Errors: UsageError for a value that float32 cannot hold then, with its place
    """
    with np.errstate(over="ignore", invalid="ignore"):
        away = (rows - mean) / np.where(np.isfinite(deviation), deviation, np.nan)
        found: npt.NDArray[np.float32] = np.where(np.isnan(rows), 0.0, away).astype(np.float32)
    if not np.isfinite(found).all():
        frame, column = np.argwhere(~np.isfinite(found))[0]
        raise UsageError(
            f"{names[column]!r:.60} is {rows[frame, column]:g} in frame {frame + 1}, too far from the mean of "
            f"{mean[column]:g} to be computed with; leave it out, as a missing value"
        )
    return found
