"""Within which bounds tokens are drawn, with torch and without."""

from __future__ import annotations

from recurra.errors import UsageError


def check_sampling(temperature: float, top_k: int | None, top_p: float | None, repetition_penalty: float = 1.0) -> None:
    """Errors: UsageError for a temperature below 0, a top_k or penalty below 1, a top_p outside of (0, 1]."""
    if not 0 <= temperature < float("inf"):
        raise UsageError(f"temperature must be a number from 0, got {temperature}")
    if top_k is not None and top_k < 1:
        raise UsageError(f"top_k must be a whole number from 1, got {top_k}")
    if top_p is not None and not 0 < top_p <= 1:
        raise UsageError(f"top_p must be above 0 and at most 1, got {top_p}")
    if not 1 <= repetition_penalty < float("inf"):
        raise UsageError(f"repetition_penalty must be a number from 1, got {repetition_penalty}")


def check_seed(seed: int | None) -> None:
    """Errors: UsageError for one that torch's generators do not take."""
    if seed is not None and not 0 <= seed < 2**63:
        raise UsageError(f"seed must be a whole number from 0 to 2^63 - 1, got {seed}")
