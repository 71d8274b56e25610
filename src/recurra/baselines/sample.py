"""How much of a training part a baseline can learn from in a given time."""

from __future__ import annotations

CAUTION, SUBLINEAR = 0.7, 0.95
"""N times as much takes somewhat more than N times as long: what is sorted no longer fits a cache."""


def affordable(probed: int, took: float, seconds: float) -> int:
    """Of how much a baseline is fitted and scored in so many seconds, given what a small part took; at least that.

    Units: seconds; what is counted is the caller's
    """
    left = CAUTION * (seconds - took) / max(took, 1e-6)
    return probed if left <= 1 else int(probed * left**SUBLINEAR)
