"""What a model has to beat."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rival:
    """A baseline's scores, under the names of the model's own. Units: bytes on disk, seconds to fit"""

    name: str
    metrics: dict[str, float]
    size_bytes: int | None
    seconds: float
