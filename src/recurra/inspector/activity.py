"""Which units stand out at a step."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra.inspector.reading import Reading

AROUND = 256
"""Steps on either side by which it is told what is usual of a unit."""


def most_active(reading: Reading, beside: str, step: int, count: int) -> list[dict[str, Any]]:
    """Of all layers that read the same tokens the units farthest from their own mean over the steps around.

    beside: one of these layers; score: how many deviations. Errors: UnknownNameError
    """
    tokens = list(reading.strip(beside).tokens)
    rows: list[tuple[float, str, str, int, float]] = []
    for key, strip in reading.strips.items():
        if not 0 <= step < strip.length or list(strip.tokens) != tokens:
            continue
        start, stop = max(0, step - AROUND), min(strip.length, step + AROUND + 1)
        name = strip.first.cell.states[0]
        values = strip.values(name, start, stop)
        now = values[step - start]
        apart = (now - values.mean(0)) / np.maximum(values.std(0), 0.05)  # what hardly moves does not stand out
        best = np.argsort(-np.abs(apart), kind="stable")[:count].tolist()
        rows += [(float(apart[unit]), key, name, unit, float(now[unit])) for unit in best]
    rows.sort(key=lambda row: -abs(row[0]))
    return [
        {"strip": key, "name": name, "unit": unit, "value": value, "score": score}
        for score, key, name, unit, value in rows[:count]
    ]
