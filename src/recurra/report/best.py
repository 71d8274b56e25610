"""The baseline that a run is held against."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Protocol

from recurra.report.metric import Metric


class Scored(Protocol):
    """A baseline: its name, and its scores under the names of the model's own."""

    @property
    def name(self) -> str: ...

    @property
    def metrics(self) -> Mapping[str, float]: ...


def best_baseline(metric: Metric, baselines: Iterable[Scored]) -> tuple[str, float] | None:
    """Name and score of the baseline that is best by a metric."""
    found: tuple[str, float] | None = None
    for other in baselines:
        value = other.metrics.get(metric.name)
        if value is not None and math.isfinite(value) and (found is None or metric.beats(value, found[1])):
            found = other.name, value
    return found
