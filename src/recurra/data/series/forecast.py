"""A forecast as a user gets it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Forecast:
    """One series' column ahead. Units: values as the series'

    series: its name; column: what of it, "value" where there is but one; times: of each step; median: the forecast;
    quantiles: by level, each [H]; history, history_times: the last of what was known
    """

    series: str
    column: str
    times: list[str]
    median: list[float]
    quantiles: dict[float, list[float]]
    history: list[float] = field(default_factory=list, repr=False)
    history_times: list[str] = field(default_factory=list, repr=False)

    @property
    def name(self) -> str:
        """Of the series, with its column where it has several."""
        return self.series if self.column == "value" else f"{self.series}/{self.column}"

    def to_numpy(self) -> Floats:
        """The median and the quantiles from the lowest, a column each. [H, 1 + Q]"""
        return np.column_stack([self.median, *self.quantiles.values()])

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "series": self.name,
            "steps": [
                {
                    "time": time,
                    "forecast": _known(self.median[k]),
                    **{f"q{level:g}": _known(values[k]) for level, values in self.quantiles.items()},
                }
                for k, time in enumerate(self.times)
            ],
        }


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None
