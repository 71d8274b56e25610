"""What a network keeps of a change: two readings of one model, aligned where their texts agree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recurra.errors import UsageError
from recurra.inspector.strips import Floats, Strip

FORGOTTEN = 0.05
"""Of the largest distance: so much and less counts as forgotten."""


@dataclass(frozen=True)
class Distance:
    """Between the states of two readings.

    values: at each step of the first one, relative to the size of the states there, NaN where the other one has no such
    step [T]; begin: the first step behind the change; forgotten: steps behind it after which no more than FORGOTTEN of
    the largest distance is left, None if there is more to the end
    """

    values: Floats
    begin: int
    forgotten: int | None


def distance(strip: Strip, other: Strip) -> Distance:
    """Of all states of a layer. Errors: UsageError for layers that differ"""
    if (strip.key, strip.widths) != (other.key, other.widths):
        raise UsageError(f"{strip.key} and {other.key} are not the same layer")
    before, behind = agreement(strip, other)
    time, there = strip.length, other.length
    found = np.full(time, np.nan, np.float32)
    pairs = [(slice(0, before), slice(0, before)), (slice(time - behind, time), slice(there - behind, there))]
    for own, its in pairs:
        if own.start < own.stop:
            found[own] = _relative(strip, own, other, its)
    changed = not before == time == there
    return Distance(found, time - behind, _forgotten(found[time - behind :]) if changed else 0)


def agreement(strip: Strip, other: Strip) -> tuple[int, int]:
    """How many steps the inputs begin with alike, and how many they end with alike, of those that were read."""
    own, its = list(strip.tokens[: strip.length]), list(other.tokens[: other.length])
    most = min(len(own), len(its))
    before = next((k for k in range(most) if own[k] != its[k]), most)
    if strip.length < len(strip.tokens) or other.length < len(other.tokens):
        return before, 0
    behind = next((k for k in range(most - before) if own[-1 - k] != its[-1 - k]), most - before)
    return before, behind


def _relative(strip: Strip, own: slice, other: Strip, its: slice) -> Floats:
    apart, size = 0.0, 0.0
    for name in strip.first.cell.states:
        own_values, others = strip.values(name, own.start, own.stop), other.values(name, its.start, its.stop)
        apart = apart + ((own_values - others) ** 2).sum(1)
        size = size + (own_values**2).sum(1)
    return np.asarray(np.sqrt(apart) / np.maximum(np.sqrt(size), 1e-12), np.float32)


def _forgotten(after: Floats) -> int | None:
    if not len(after):
        return None
    high = np.flatnonzero(after > FORGOTTEN * np.nanmax(after))
    steps = int(high[-1]) + 1 if len(high) else 0
    return steps if steps < len(after) else None
