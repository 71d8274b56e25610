"""A metric as people read it: what it is called, its unit, and which way is better.

A task declares its rows, the headline first, in `tasks/<task>/metrics.py`:

    METRICS = (
        Metric("accuracy", "Accuracy", "accuracy", "%", "higher"),
        Metric("loss", "Loss", "loss", "nats per example", "lower"),
    )

Everything that writes or compares scores (terminal, verdict, tables of runs, report) asks these rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from recurra.report.numbers import write_number

PERCENT = "%"


@dataclass(frozen=True)
class Metric:
    """One row.

    name: as in the scores; label: as a heading says it; short: where there is little room; unit: "%" for a fraction
    that is shown in percent, else what one is of ("nats per token"), "" for none; better: None if neither way is
    """

    name: str
    label: str
    short: str
    unit: str = ""
    better: Literal["higher", "lower"] | None = None

    @property
    def heading(self) -> str:
        """The label with its unit, as an axis or a column needs it."""
        plain = self.unit in ("", PERCENT) or self.unit in self.label.lower()
        return self.label if plain else f"{self.label}, {self.unit}"

    @property
    def noun(self) -> str:
        """The label within a sentence: "calibrated loss", "macro-F1", "BLEU"."""
        return self.label if self.label[1:2].isupper() else self.label[:1].lower() + self.label[1:]

    def write(self, value: float | None) -> str:
        """The value with three digits or so, percent with one; a dash for None and for what is not a number."""
        if self.unit == PERCENT and value is not None and math.isfinite(value):
            return f"{100 * value:.1f}\u00a0%"
        return write_number(value)

    def distance(self, value: float, other: float) -> str:
        """How far apart two values are; that between percentages is in points."""
        apart = abs(value - other)
        if self.unit != PERCENT:
            return write_number(apart)
        return f"{100 * apart:.1f}\u00a0points" if apart >= 0.0005 else "less than 0.1\u00a0points"

    def compare(self, value: float, other: float) -> str:
        """How `value` stands to `other`: "2.3 points better"."""
        if self.same(value, other):
            return "no better"
        return f"{self.distance(value, other)} {'better' if self.beats(value, other) else 'worse'}"

    @staticmethod
    def same(value: float, other: float) -> bool:
        """Whether they differ by the rounding of float32 at most: the same model computed in another way."""
        return math.isclose(value, other, rel_tol=1e-6)

    def beats(self, value: float, other: float) -> bool:
        """Whether `value` is better; never where neither way is, or one is nan."""
        return self.better is not None and (value > other if self.better == "higher" else value < other)


def find(rows: Iterable[Metric], name: str) -> Metric:
    """The row of that name; what has none gets its name as the label, and neither way is better."""
    words = name.replace("_", " ")
    return next((row for row in rows if row.name == name), Metric(name, words.capitalize(), words))


def ranked(rows: Sequence[Metric], names: Sequence[str], scores: Mapping[str, float]) -> list[float]:
    """Scores as a list of which the lower is better, the first to decide first."""
    found = [(find(rows, name), scores[name]) for name in names if name in scores]
    return [-value if row.better == "higher" else value for row, value in found]
