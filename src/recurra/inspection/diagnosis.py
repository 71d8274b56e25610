"""Why a training went as it did: what was seen of it, in plain words, with the flag to change."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from recurra.inspection.data_checks import DataFacts
from recurra.tasks.settings import AnySettings
from recurra.training.history import Point
from recurra.training.watch.record import Watched

Severity = Literal["problem", "note", "good"]


@dataclass(frozen=True)
class Finding:
    """kind: in short, as "exploding"; words: what is so, with its numbers; remedy: the flag to change, if any"""

    kind: str
    severity: Severity
    words: str
    remedy: str = ""

    def text(self) -> str:
        return f"{self.words}; {self.remedy}" if self.remedy else self.words


@dataclass(frozen=True)
class Evidence:
    """What is known of a training.

    points: its evaluations; untrained_loss: before the first step; data: what its data look like; informed: the network
    begins as a good answer already, so that a loss that does not fall says nothing
    """

    watched: Watched
    points: Sequence[Point]
    settings: AnySettings
    untrained_loss: float | None
    data: DataFacts
    informed: bool = False

    @property
    def steps(self) -> int:
        """Of the training, watched or not."""
        return max([self.watched.steps, *(point.step for point in self.points)])

    @property
    def first_loss(self) -> float | None:
        losses = self.watched.losses.values
        return self.untrained_loss if self.untrained_loss is not None else losses[0] if losses else None

    @property
    def last_loss(self) -> float | None:
        """The mean over the last tenth of the steps, at least of five."""
        losses = self.watched.losses.values
        return float(np.mean(losses[-max(5, len(losses) // 10) :])) if losses else None

    @property
    def lowest(self) -> float | None:
        """Of the validation losses."""
        found = [p.validation_loss for p in self.points if p.validation_loss is not None]
        return min(found) if found else None

    @property
    def learned(self) -> bool:
        """Whether the loss came clearly below that of knowing nothing but how frequent the classes are."""
        if self.informed:
            return True
        last, first, prior = self.last_loss, self.first_loss, self.data.prior
        usual = first if prior is None else prior
        if usual is None:
            return False
        # a few batches vary more than a whole part
        by_heart, known = (
            last is not None and last < 0.85 * usual,
            self.lowest is not None and self.lowest < 0.95 * usual,
        )
        return by_heart or known


@dataclass(frozen=True)
class Diagnosis:
    """findings: the most telling first; evidence: what they rest on"""

    findings: tuple[Finding, ...]
    evidence: Evidence = field(repr=False)

    @property
    def problems(self) -> list[Finding]:
        return [one for one in self.findings if one.severity == "problem"]

    @property
    def verdict(self) -> Finding:
        """The first problem, or that there is none."""
        if self.problems:
            return self.problems[0]
        return Finding("healthy", "good", "nothing is wrong with this training")

    def text(self) -> str:
        """For a terminal, the verdict last."""
        signs = {"problem": "!", "note": "-", "good": "+"}
        lines = [f"{signs[one.severity]} {one.text()}" for one in self.findings]
        return "\n".join([*lines, f"verdict: {self.verdict.text()}"])

    def plot(self) -> str:
        """Loss, gradient norm, how far the gradient reaches, radii and updates, as SVG text."""
        from recurra.inspection.diagnosis_pictures import draw_diagnosis

        return draw_diagnosis(self.evidence.watched)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "verdict": vars(self.verdict),
            "findings": [vars(one) for one in self.findings],
            "watched": self.evidence.watched.to_json(),
        }


def number(value: float) -> str:
    """Two or three digits."""
    return "infinite" if not math.isfinite(value) else f"{value:.3g}"
