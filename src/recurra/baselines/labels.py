"""The check that every classifier here makes of its labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recurra.errors import ShapeError


def check_labels(labels: ArrayLike, count: int, texts: int | None = None) -> NDArray[np.int64]:
    """labels as int64 [N], N >= 1, each in 0 .. count - 1, one for each of `texts` texts; ShapeError if not so."""
    array = np.asarray(labels)
    if array.ndim != 1 or len(array) == 0:
        raise ShapeError(f"expected labels [N] with N >= 1, got {list(array.shape)}")
    if not np.issubdtype(array.dtype, np.integer):
        raise ShapeError(f"expected labels as whole numbers, got {array.dtype}")
    if array.min() < 0 or array.max() >= count:
        raise ShapeError(f"expected labels in 0 .. {count - 1} ({count} classes), got {array.min()} .. {array.max()}")
    if texts is not None and texts != len(array):
        raise ShapeError(f"expected one label per text, got {texts} texts and {len(array)} labels")
    return array.astype(np.int64)
