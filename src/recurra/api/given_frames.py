"""Sequences of frames that stand in memory: as rows of a table, one a frame."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from recurra.errors import UsageError
from recurra.tasks.given import plain


def are_arrays(data: Any) -> bool:
    """Whether it is [N, T, I], or a list of arrays [T, I]."""
    if getattr(data, "ndim", None) == 3:
        return True
    return isinstance(data, (list, tuple)) and len(data) > 0 and all(getattr(each, "ndim", None) == 2 for each in data)


def rows_of(data: Any, labels: Any) -> Iterator[dict[str, Any]]:
    """labels: of each sequence one, or one for each of its frames. NaN is a missing value.

    Errors: UsageError, with the number (from 1) of the sequence, for labels that do not fit, other widths, infinities
    """
    sequences = [np.asarray(each) for each in data]
    if labels is None:
        raise UsageError("sequences of frames need labels: labels=[...], one for each, or one for each of its frames")
    given = [plain(each) for each in labels]
    if len(given) != len(sequences):
        raise UsageError(f"{len(sequences):,} sequences and {len(given):,} labels; give labels for each sequence")
    width = sequences[0].shape[1]
    for number, (one, own) in enumerate(zip(sequences, given, strict=True), start=1):
        if one.shape[1] != width or not len(one) or not width:
            raise UsageError(f"sequence {number} is {list(one.shape)}, the first is [T, {width}]; T is at least 1")
        if not np.issubdtype(one.dtype, np.number) or np.issubdtype(one.dtype, np.complexfloating):
            raise UsageError(f"sequence {number} is of {one.dtype}, not of numbers")
        if np.isinf(one).any():
            raise UsageError(f"sequence {number} has an infinite value; NaN is a missing one")
        each = list(own) if isinstance(own, (list, tuple)) else [own] * len(one)
        if len(each) != len(one):
            raise UsageError(f"sequence {number} has {len(one):,} frames and {len(each):,} labels")
        for frame, label in zip(one.tolist(), each, strict=True):
            if label is None or label != label:
                raise UsageError(f"sequence {number} has no label; leave it out")
            yield {"id": f"sequence {number}", **{f"c{k + 1}": v for k, v in enumerate(frame)}, "label": str(label)}
