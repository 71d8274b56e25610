"""What may be given as X: texts, sequences of frames, or a table whose rows are series."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data

from recurra.errors import UsageError


def are_texts(X: Any) -> bool:
    """Whether it is a list, tuple, array or series of texts."""
    return (
        not isinstance(X, (str, bytes))
        and getattr(X, "ndim", 1) == 1
        and hasattr(X, "__len__")
        and len(X) > 0
        and all(isinstance(each, str) for each in X)
    )


def are_frames(X: Any) -> bool:
    """Whether it is [N, T, C], or a list of arrays [T, C] of any lengths."""
    if getattr(X, "ndim", None) == 3:
        return True
    return isinstance(X, (list, tuple)) and len(X) > 0 and all(getattr(each, "ndim", None) == 2 for each in X)


def sequences_of(estimator: Any, X: Any, *, reset: bool, channels: int | None = None) -> list[Any]:
    """Texts as they are; otherwise arrays [T, C], of a table [N, T] with one channel.

    Errors: UsageError for another number of channels; ValueError as scikit-learn raises it for a table
    """
    if are_texts(X):
        return [str(each) for each in X]
    if are_frames(X):
        found = [np.asarray(each, dtype=np.float64) for each in X]
        if not found:
            raise UsageError(f"expected sequences, got none: {list(X.shape)}")
        widths = {each.shape[1] for each in found}
        if len(widths) > 1 or (channels is not None and widths != {channels}):
            raise UsageError(f"sequences have {sorted(widths)} channels, expected {channels or 'one number of them'}")
        return found
    table = validate_data(estimator, X, reset=reset, dtype=np.float64)
    return [row[:, None] for row in table]
