"""What a classifier has learned of its data: tokens and classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from recurra.data.files.checked import Exact, checked
from recurra.data.tokens.vocabulary import Vocabulary
from recurra.tasks.stored import DistinctNames


class _Stored(Exact):
    vocabulary: dict[str, Any]
    classes: DistinctNames


@dataclass(frozen=True)
class ClassifyPreprocessor:
    """Texts to ids, classes to indices."""

    vocabulary: Vocabulary
    classes: list[str]
    input_width: ClassVar[None] = None

    def to_json(self) -> dict[str, Any]:
        return {"vocabulary": self.vocabulary.to_json(), "classes": self.classes}

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> ClassifyPreprocessor:
        stored = checked(_Stored, found, "preprocessing.json")
        return cls(Vocabulary.from_json(stored.vocabulary), stored.classes)
