"""What a classifier has learned of its data: tokens and classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from recurra.data.files.checked import Exact, checked
from recurra.data.tokens.vocabulary import Vocabulary
from recurra.errors import DataError
from recurra.tasks.stored import DistinctNames, SkipFeatures


class _Stored(Exact):
    vocabulary: dict[str, Any]
    classes: DistinctNames
    skip_features: SkipFeatures = 0
    skip_spelling: bool = False
    characters: str = ""


@dataclass(frozen=True)
class ClassifyPreprocessor:
    """Texts to ids, classes to indices.

    skip_features: n-grams that the linear skip knows, 0 where there is none; skip_spelling: whether of characters too;
    characters: those that the network knows besides words, by rising code point, none if it reads words alone
    """

    vocabulary: Vocabulary
    classes: list[str]
    skip_features: int = 0
    skip_spelling: bool = False
    characters: str = ""
    input_width: ClassVar[None] = None

    @property
    def spells(self) -> bool:
        """Whether the characters of texts are read."""
        return self.skip_spelling or bool(self.characters)

    def to_json(self) -> dict[str, Any]:
        return {
            "vocabulary": self.vocabulary.to_json(),
            "classes": self.classes,
            "skip_features": self.skip_features,
            "skip_spelling": self.skip_spelling,
            "characters": self.characters,
        }

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> ClassifyPreprocessor:
        stored = checked(_Stored, found, "preprocessing.json")
        vocabulary = Vocabulary.from_json(stored.vocabulary)
        if (stored.skip_spelling or stored.characters) and vocabulary.level != "word":
            raise DataError(f"preprocessing.json: tokens of the level {vocabulary.level} have no spelling")
        if list(stored.characters) != sorted(set(stored.characters)):
            raise DataError("preprocessing.json: the characters are not in order, or one stands there twice")
        return cls(vocabulary, stored.classes, stored.skip_features, stored.skip_spelling, stored.characters)
