"""What a conditioned generator has learned of its data: tokens and attributes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from recurra.data.attributes import Attributes
from recurra.data.files.checked import Count, Exact, checked
from recurra.data.tokens.vocabulary import Vocabulary


class _Stored(Exact):
    vocabulary: dict[str, Any]
    attributes: dict[str, Any]
    longest: Count
    tunes: bool


@dataclass(frozen=True)
class GeneratePreprocessor:
    """Texts to ids and back, values of attributes to indices.

    longest: tokens of the longest training text; tunes: the texts are tunes in ABC notation
    """

    vocabulary: Vocabulary
    attributes: Attributes
    longest: int
    tunes: bool = False
    input_width: ClassVar[None] = None

    def to_json(self) -> dict[str, Any]:
        return {
            "vocabulary": self.vocabulary.to_json(),
            "attributes": self.attributes.to_json(),
            "longest": self.longest,
            "tunes": self.tunes,
        }

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> GeneratePreprocessor:
        stored = checked(_Stored, found, "preprocessing.json")
        attributes = Attributes.from_json(stored.attributes)
        return cls(Vocabulary.from_json(stored.vocabulary), attributes, stored.longest, stored.tunes)
