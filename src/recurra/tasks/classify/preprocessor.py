"""What a classifier has learned of its data: tokens and classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from recurra.data.files.checked import Exact, checked
from recurra.data.tokens.vocabulary import Vocabulary
from recurra.tasks.stored import DistinctNames, SkipFeatures


class _Stored(Exact):
    vocabulary: dict[str, Any]
    classes: DistinctNames
    skip_features: SkipFeatures = 0


@dataclass(frozen=True)
class ClassifyPreprocessor:
    """Texts to ids, classes to indices. skip_features: n-grams that the linear skip knows, 0 where there is none"""

    vocabulary: Vocabulary
    classes: list[str]
    skip_features: int = 0
    input_width: ClassVar[None] = None

    def to_json(self) -> dict[str, Any]:
        return {
            "vocabulary": self.vocabulary.to_json(),
            "classes": self.classes,
            "skip_features": self.skip_features,
        }

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> ClassifyPreprocessor:
        stored = checked(_Stored, found, "preprocessing.json")
        return cls(Vocabulary.from_json(stored.vocabulary), stored.classes, stored.skip_features)
